// Access to samples by number: the datasets, their blend and their order appear as one endless list of samples.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "io/tokens/blend.hpp"
#include "io/tokens/cursor.hpp"
#include "io/tokens/masking.hpp"
#include "io/tokens/packed_sample.hpp"
#include "io/tokens/sample_order.hpp"
#include "io/tokens/token_dataset.hpp"

namespace trireme::tokens {

/// A micro-batch of B samples of T tokens, row-major.
struct Batch {
  std::vector<std::int64_t> tokens;    ///< B*T inputs
  std::vector<std::int64_t> targets;   ///< B*T: the token after each input, or under masking the one that was there;
                                       ///< -1 where no loss counts
  std::vector<std::int32_t> starts;    ///< B*T: the position in the sample at which the document of each token begins;
                                       ///< empty: each sample is one document
  std::vector<std::uint64_t> samples;  ///< B sample numbers: keys for everything that is random per sample
};

enum class Reading {
  kShuffled,  ///< training; any sample number is valid. With weights every dataset goes through its own epochs.
              ///< Without, an epoch shows all samples of all datasets once, in one order over all
  kInOrder,   ///< validation: the datasets' samples one after another, once; weights are refused
};

/// Several threads may call const members at once.
class DataSource {
 public:
  /// Opens the datasets. `key` ("data.train") names the option in messages. Throws base::InputError for a bad file, a
  /// dataset shorter than one sample, or datasets with different tokenizers.
  DataSource(base::FileSystem& files, const std::string& key, const std::vector<DatasetChoice>& choices,
             std::int64_t sequence, std::uint64_t seed, Reading reading);

  std::int64_t sequence() const noexcept { return sequence_; }
  const std::vector<TokenDataset>& datasets() const noexcept { return datasets_; }
  /// The vocabulary of the tokenizer that all datasets share.
  std::uint64_t vocabulary() const { return datasets_.front().vocabulary(); }
  const std::string& tokenizer_json() const { return datasets_.front().tokenizer_json(); }
  std::string tokenizer_hash() const { return datasets_.front().tokenizer_hash(); }
  /// From now on samples are for masked language modelling: the inputs are a sample's tokens with some masked, and the
  /// targets what stood there. `vocabulary` is the datasets'. kShuffled has the masks of this source's seed and of the
  /// sample number; kInOrder always the same ones, which depend on a sample's number within its own dataset, whatever
  /// else is read. Call it before anything is read. Errors as Masking's constructor; base::InputError for a dataset of
  /// format 2.
  void mask_tokens(const MaskingRule& rule, MaskedVocabulary vocabulary);
  /// Whether a dataset holds samples of several documents (format 2).
  bool packed() const;
  /// From now on only the last response of a conversation counts as targets. Call it before anything is read. What is
  /// read in order, to be validated on, may be of format 1, where all that counted still counts. In training data
  /// throws base::InputError naming a dataset that does not tell responses apart (format 1).
  void learn_last_turns();
  bool learns_last_turns() const noexcept { return turns_ == LearnedTurns::kLast; }
  /// The number of samples in all datasets together: one epoch of each.
  std::uint64_t samples() const;
  bool has_loss_mask() const;

  /// Reads the batch of these sample numbers, in this order; kNoSample gives an empty row. Errors as
  /// TokenDataset::read.
  Batch read(std::span<const std::uint64_t> sample_numbers) const;
  /// Counts the targets of these samples together. Reads loss masks or roles only, and nothing where no dataset has
  /// one; under masking also their tokens.
  std::uint64_t targets(std::span<const std::uint64_t> sample_numbers) const;

  /// The position after `consumed_samples`, for checkpoints; `skipped` may be left out.
  Cursor cursor(std::uint64_t consumed_samples, const SkippedSamples& skipped = {}) const;
  /// Continues in the order of a checkpoint with this cursor. Call it before anything is read. Version 0.0 blended
  /// several datasets without weights by their rounded sample counts, as if those were weights, and its checkpoints say
  /// so. Throws base::InputError when the data differ (check_resumable).
  void resume(const Cursor& saved);

 private:
  struct Place {
    const TokenDataset* dataset;
    std::uint64_t index;
  };
  Place locate(std::uint64_t sample_number) const;
  /// Finds the `index`-th sample of the datasets, taken one after another.
  Place nth(std::uint64_t index) const;
  /// The number by which the sample's masks are drawn.
  std::uint64_t masks_of(std::uint64_t sample_number, const Place& place) const;
  void read_next_tokens(const Place& place, std::int64_t* tokens, std::int64_t* targets) const;
  void read_masked(std::uint64_t sample_number, const Place& place, std::int64_t* tokens, std::int64_t* targets) const;
  /// Reads a sample into row `row` of the batch.
  void read_row(std::uint64_t sample_number, std::size_t row, Batch& batch) const;
  std::uint64_t targets_of(std::uint64_t sample_number) const;

  std::int64_t sequence_;
  std::uint64_t seed_;
  Reading reading_;
  std::vector<TokenDataset> datasets_;
  std::vector<SampleOrder> orders_;  // one order for each dataset
  std::optional<Blend> blend_;       // nothing without weights
  SampleOrder all_;                  // used without weights
  std::optional<Masking> masking_;
  LearnedTurns turns_ = LearnedTurns::kAll;
};

}  // namespace trireme::tokens
