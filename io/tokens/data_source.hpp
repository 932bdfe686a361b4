// Samples by number: datasets, their blend and their order, seen as one endless list of samples.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/tokens/blend.hpp"
#include "io/tokens/cursor.hpp"
#include "io/tokens/sample_order.hpp"
#include "io/tokens/token_dataset.hpp"

namespace trireme::tokens {

/// A micro-batch of B samples of T tokens, row-major.
struct Batch {
  std::vector<std::int64_t> tokens;    ///< B*T inputs
  std::vector<std::int64_t> targets;   ///< B*T: the token after each input, -1 where no loss counts
  std::vector<std::uint64_t> samples;  ///< B sample numbers: keys of everything random per sample
};

enum class Reading {
  kShuffled,  ///< training; any sample number is valid. With weights: every dataset in its own epochs, blended.
              ///< Without: an epoch shows all samples of all datasets once, in one order over all
  kInOrder,   ///< validation: the datasets' samples one after another, once; weights are refused
};

/// Const members may be called by several threads at once.
class DataSource {
 public:
  /// Opens the datasets. `key` ("data.train") names the option in messages. base::InputError for a bad file, a
  /// dataset shorter than one sample, or datasets of different tokenizers.
  DataSource(base::FileSystem& files, const std::string& key, const std::vector<DatasetChoice>& choices,
             std::int64_t sequence, std::uint64_t seed, Reading reading);

  std::int64_t sequence() const noexcept { return sequence_; }
  const std::vector<TokenDataset>& datasets() const noexcept { return datasets_; }
  /// Of the tokenizer all datasets share.
  std::uint64_t vocabulary() const { return datasets_.front().vocabulary(); }
  const std::string& tokenizer_json() const { return datasets_.front().tokenizer_json(); }
  std::string tokenizer_hash() const { return datasets_.front().tokenizer_hash(); }
  /// Samples of all datasets together: one epoch of each.
  std::uint64_t samples() const;
  bool has_loss_mask() const;

  /// The batch of these sample numbers, in this order; kNoSample gives an empty row. Errors as TokenDataset::read.
  Batch read(std::span<const std::uint64_t> sample_numbers) const;
  /// Targets that count in these samples together. Reads masks only, and nothing without them.
  std::uint64_t targets(std::span<const std::uint64_t> sample_numbers) const;
  /// The same for samples [first, first + count).
  std::uint64_t targets(std::uint64_t first, std::uint64_t count) const;

  /// The position after `consumed_samples`, for checkpoints.
  Cursor cursor(std::uint64_t consumed_samples) const;
  /// Goes on in the order of a checkpoint with this cursor. Version 0.0 blended several datasets without weights by
  /// their rounded sample counts, as if those were weights, and its checkpoints say so. base::InputError when the
  /// data differ (check_resumable). Before anything is read.
  void resume(const Cursor& saved);

 private:
  struct Place {
    const TokenDataset* dataset;
    std::uint64_t index;
  };
  Place locate(std::uint64_t sample_number) const;
  /// The `index`-th sample of the datasets one after another.
  Place nth(std::uint64_t index) const;
  std::uint64_t targets_of(std::uint64_t sample_number, std::vector<std::uint8_t>& mask) const;

  std::int64_t sequence_;
  std::uint64_t seed_;
  Reading reading_;
  std::vector<TokenDataset> datasets_;
  std::vector<SampleOrder> orders_;  // one for each dataset
  std::optional<Blend> blend_;       // nothing: no weights
  SampleOrder all_;                  // used without weights
};

}  // namespace trireme::tokens
