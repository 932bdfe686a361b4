// Mixes several datasets by weight: which dataset the n-th sample comes from, and its number within that dataset.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::tokens {

/// One entry of `[data] train = A.h5 0.7, B.h5 0.3`.
struct DatasetChoice {
  std::string path;
  double weight = 0;  ///< 0 = not given
};

/// Parses such a list. Throws base::InputError naming `key` for an empty list, an empty entry, or a weight that is not
/// a positive number. A last word that reads as a number is a weight; otherwise paths may hold spaces. A path in double
/// quotes may hold commas and end with a number: `"a,b 1" 0.7, c.h5 0.3`.
std::vector<DatasetChoice> parse_dataset_list(const std::string& key, const std::string& value);

/// Returns the weights; an empty list when none is given. Throws base::InputError naming `key` when only some are
/// given.
std::vector<double> blend_weights(const std::string& key, const std::vector<DatasetChoice>& choices);

/// A periodic schedule of datasets, without state, that deviates from the exact shares by about one sample at most. The
/// period is the smallest in which every dataset has a whole number of samples, at most 100,000 (then shares are
/// rounded to it, at least one sample each). Within a period the next sample always comes from the dataset that is
/// furthest behind its share (the first of equals). Example: weights 0.7, 0.3: 0 1 0 0 0 1 0 0 1 0, again and again.
class Blend {
 public:
  struct Draw {
    std::size_t dataset;
    std::uint64_t ordinal;  ///< 0 for the first sample drawn from that dataset, counted over all epochs
  };

  /// At least one weight, all positive and finite.
  explicit Blend(const std::vector<double>& weights);

  Draw at(std::uint64_t sample_number) const;
  /// How many samples each dataset has in a period; their sum is the period.
  const std::vector<std::uint64_t>& shares() const noexcept { return shares_; }

 private:
  struct Slot {
    std::uint32_t dataset;
    std::uint32_t ordinal;  // ordinal within the period
  };
  std::vector<std::uint64_t> shares_;
  std::vector<Slot> slots_;
};

}  // namespace trireme::tokens
