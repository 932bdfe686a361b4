#include "io/tokens/split_writer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.hpp"

namespace trireme::tokens {
std::vector<TokenRange> spread_blocks(std::uint64_t tokens, double fraction) {
  const auto share = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(tokens)));
  const std::uint64_t wanted = std::clamp<std::uint64_t>(share, 1, tokens - 1);
  const std::uint64_t count = std::clamp<std::uint64_t>(wanted / kSmallestBlock, 1, kMostBlocks);
  // Block i lies in the middle of the i-th of `count` equal parts of the tokens that are not taken. The blocks before
  // it shift it.
  const std::uint64_t gap = (tokens - wanted) / count;
  std::vector<TokenRange> blocks;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t taken = wanted * i / count;
    const std::uint64_t begin = taken + gap * i + gap / 2;
    blocks.push_back({begin, begin + wanted * (i + 1) / count - taken});
  }
  return blocks;
}

SplitWriter::SplitWriter(base::FileSystem& files, SplitPaths paths, const TokenizerRecord& tokenizer,
                         bool with_loss_mask, double fraction)
    : paths_(std::move(paths)),
      fraction_(fraction),
      train_(std::make_unique<DatasetWriter>(files, paths_.train, tokenizer, with_loss_mask)),
      open_(train_.get()) {
  if (!paths_.valid.empty()) {
    valid_ = std::make_unique<DatasetWriter>(files, paths_.valid, tokenizer, with_loss_mask);
  }
}

bool SplitWriter::to_validation(std::uint64_t hash) const {
  return std::ldexp(static_cast<double>(hash >> 11), -53) < fraction_;
}

void SplitWriter::begin_document(std::uint64_t hash) {
  open_ = train_.get();
  if (valid_) {
    if (first_.size() < kFewDocuments) {
      first_.push_back(to_validation(hash));
      if (first_.size() == kFewDocuments) {
        // There are enough documents now to divide them by hash, so those held back are moved to their sides.
        move_first_documents();
      }
    }
    if (first_.size() == kFewDocuments && to_validation(hash)) open_ = valid_.get();
  }
  open_->begin_document();
}

void SplitWriter::move_first_documents() {
  std::vector<std::uint64_t> offsets = train_->offsets();
  offsets.push_back(train_->tokens());
  std::vector<TokenRange> ranges;
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (first_[i]) ranges.push_back({offsets[i], offsets[i + 1]});
  }
  train_->move_ranges(ranges, *valid_);
}

void SplitWriter::append(std::span<const std::uint32_t> ids, bool counts) { open_->append(ids, counts); }

std::vector<std::string> SplitWriter::temporary_files() const {
  auto paths = train_->temporary_files();
  if (valid_) {
    for (auto& path : valid_->temporary_files()) paths.push_back(std::move(path));
  }
  return paths;
}

SplitResult SplitWriter::finish() {
  if (train_->documents() == 0 && (!valid_ || valid_->documents() == 0)) {
    throw base::InputError("the inputs hold no text: there is nothing to prepare");
  }
  SplitResult result;
  if (valid_) {
    if (train_->documents() == 0) std::swap(train_, valid_);
    if (valid_->documents() == 0) {
      const std::uint64_t tokens = train_->tokens();
      if (tokens < 2)
        throw base::InputError("the inputs hold too little text for two datasets: leave --valid-fraction out");
      result.valid_blocks = spread_blocks(tokens, fraction_);
      train_->move_ranges(result.valid_blocks, *valid_);
    }
    result.valid = valid_->finish(paths_.valid);
  }
  result.train = train_->finish(paths_.train);
  return result;
}

}  // namespace trireme::tokens
