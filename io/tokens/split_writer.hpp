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
  /// The blocks of the token stream that became the validation set; empty when it got whole documents instead.
  std::vector<TokenRange> valid_blocks;
};

/// Below this many documents blocks are taken instead.
inline constexpr std::size_t kFewDocuments = 100;

/// Blocks spread evenly over `tokens` (at least 2) tokens, together `fraction` of them, but at least one token on
/// either side: as many as can have kSmallestBlock tokens, at most kMostBlocks, alike but for one token. Example:
/// 100,000 tokens and 0.01 make 7 blocks of 142 or 143, their middles at 1/14, 3/14, … 13/14 of the stream.
std::vector<TokenRange> spread_blocks(std::uint64_t tokens, double fraction);
inline constexpr std::uint64_t kSmallestBlock = 128;
inline constexpr std::uint64_t kMostBlocks = 16;

/// A document goes to validation when its hash, seen as a number in [0, 1), is below `fraction`: the same text always
/// to the same side. With fewer than kFewDocuments documents, or when one side would get none, blocks from all over the
/// token stream become the validation set instead, even if that divides documents: spread_blocks.
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
  /// The first documents, held back in train_, to their sides.
  void move_first_documents();

  SplitPaths paths_;
  double fraction_;
  std::unique_ptr<DatasetWriter> train_;
  std::unique_ptr<DatasetWriter> valid_;  // null without validation
  std::vector<bool> first_;               // to_validation of the first documents, all of them in train_ so far
  DatasetWriter* open_;                   // where the open document goes
};

}  // namespace trireme::tokens
