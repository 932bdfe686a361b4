// Writes a stream of documents into a training dataset and, if wanted, a validation dataset.
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
  std::string valid;  ///< "" = no validation dataset
};

struct SplitResult {
  DatasetHeader train;
  std::optional<DatasetHeader> valid;
  /// The blocks of the token stream that became the validation set; empty when it got whole documents instead.
  std::vector<TokenRange> valid_blocks;
};

/// With fewer documents than this, blocks are taken instead.
inline constexpr std::size_t kFewDocuments = 100;

/// Spreads blocks evenly over `tokens` (at least 2) tokens. Together they take the share `fraction`, but leave at least
/// one token on either side. There are as many as can have kSmallestBlock tokens each, at most kMostBlocks; their
/// lengths differ by one token at most. Example: 100,000 tokens and 0.01 make 7 blocks of 142 or 143, their middles at
/// 1/14, 3/14, … 13/14 of the stream.
std::vector<TokenRange> spread_blocks(std::uint64_t tokens, double fraction);
inline constexpr std::uint64_t kSmallestBlock = 128;
inline constexpr std::uint64_t kMostBlocks = 16;

/// A document goes to validation when its hash, seen as a number in [0, 1), is below `fraction`, so the same text
/// always goes to the same side. With fewer than kFewDocuments documents, or when one side would get none, the
/// validation set consists of blocks from all over the token stream (spread_blocks), even if that divides documents.
class SplitWriter {
 public:
  /// `fraction` is used only with a validation path; 0 < fraction < 1. Errors as DatasetWriter.
  SplitWriter(base::FileSystem& files, SplitPaths paths, const TokenizerRecord& tokenizer, bool with_loss_mask,
              double fraction);

  void begin_document(std::uint64_t hash);
  void append(std::span<const std::uint32_t> ids, bool counts);

  /// The files that a process should remove when it is ended by force.
  std::vector<std::string> temporary_files() const;

  /// Writes the datasets under their names, the validation set first. Throws base::InputError when there is nothing to
  /// write, or a single token for two datasets.
  SplitResult finish();

 private:
  bool to_validation(std::uint64_t hash) const;
  /// Moves the first documents, which were held back in train_, to their sides.
  void move_first_documents();

  SplitPaths paths_;
  double fraction_;
  std::unique_ptr<DatasetWriter> train_;
  std::unique_ptr<DatasetWriter> valid_;  // null without a validation dataset
  std::vector<bool> first_;               // to_validation of the first documents, all of them in train_ so far
  DatasetWriter* open_;                   // where the open document goes
};

}  // namespace trireme::tokens
