// Writes conversations into datasets of format 2: cut to a sample's length, divided, packed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/tokens/dataset_writer.hpp"
#include "io/tokens/split_writer.hpp"
#include "io/tokens/spool.hpp"

namespace trireme::tokens {

struct PackedOptions {
  std::uint64_t sequence = 0;  ///< tokens of a sample, at least 2
  bool packing = true;         ///< false: one document a sample, in their order
  double valid_fraction = 0;   ///< used only with a validation path; 0 < fraction < 1
};

/// Counts what became of the documents that were given.
struct PackedCounts {
  std::uint64_t cut = 0;       ///< documents longer than a sample, cut to it
  std::uint64_t left_out = 0;  ///< documents without a target in their first `sequence` tokens
  std::uint64_t tokens_cut = 0;
  std::uint64_t last_lost = 0;  ///< documents that were cut and kept, without a target of their last response
};

/// Holds a few bytes for each document in memory, and their tokens in temporary files beside the outputs. Not
/// thread-safe. Throws base::IoError for what the disk refuses.
class PackedWriter {
 public:
  /// `files` must outlive this object. Errors as DatasetWriter.
  PackedWriter(base::FileSystem& files, SplitPaths paths, const TokenizerRecord& tokenizer,
               const PackedOptions& options);

  /// Takes a document with the role of each token (tokens::Role). Those of tokens behind `sequence` do not matter.
  void add(std::span<const std::uint32_t> ids, std::span<const std::uint8_t> roles, std::uint64_t hash);

  const PackedCounts& counts() const noexcept { return counts_; }
  /// The files that a process should remove when it is ended by force.
  std::vector<std::string> temporary_files() const;

  /// Writes the datasets under their names, the validation set first. A document goes to validation when its hash, seen
  /// as a number in [0, 1), is below the fraction; where that leaves a side empty, that side gets the one document with
  /// the lowest (validation) or the highest hash. Throws base::InputError when there is no document, or a single one
  /// for two datasets; base::Error for an id that is not below the vocabulary.
  SplitResult finish();

 private:
  struct Document {
    std::uint64_t begin;  // in tokens_ and roles_
    std::uint64_t hash;
    std::uint32_t length;
  };
  std::vector<bool> to_validation() const;
  DatasetHeader write(DatasetWriter& writer, const std::string& path, const std::vector<Document>& documents);

  SplitPaths paths_;
  PackedOptions options_;
  DatasetWriter train_;
  std::optional<DatasetWriter> valid_;
  Spool tokens_;  // uint32, in the order of the documents
  Spool roles_;
  std::vector<Document> documents_;
  PackedCounts counts_;
};

}  // namespace trireme::tokens
