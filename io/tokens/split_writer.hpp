// A stream of documents into a training dataset and, if wanted, a validation dataset.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/tokens/dataset_writer.hpp"

namespace trireme::tokens {

struct SplitPaths {
  std::string train;
  std::string valid;  ///< "" without validation
};

struct SplitResult {
  DatasetHeader train;
  std::optional<DatasetHeader> valid;
};

/// A document goes to validation when its hash, seen as a number in [0, 1), is below `fraction`: the same text always
/// to the same side. With fewer than 100 documents, or when one side would get none, the end of the token stream
/// becomes the validation set instead: its last `fraction`, at least one token on either side.
class SplitWriter {
 public:
  /// `fraction` is used only with a validation path; 0 < fraction < 1. Errors as DatasetWriter.
  SplitWriter(base::FileSystem& files, SplitPaths paths, const TokenizerRecord& tokenizer, bool with_loss_mask,
              double fraction);

  void begin_document(std::uint64_t hash);
  void append(std::span<const std::uint32_t> ids, bool counts);

  /// What a process that ends by force should remove.
  std::vector<std::string> temporary_files() const;

  /// Writes the datasets under their names, the validation set first. base::InputError when there is nothing to
  /// write, or one token and two datasets.
  SplitResult finish();

 private:
  bool to_validation(std::uint64_t hash) const;

  SplitPaths paths_;
  double fraction_;
  std::unique_ptr<DatasetWriter> train_;
  std::unique_ptr<DatasetWriter> valid_;  // null without validation
  std::vector<bool> first_;               // to_validation of the first documents, all of them in train_ so far
  DatasetWriter* open_;                   // where the open document goes
};

}  // namespace trireme::tokens
