// The order in which the samples of a dataset are seen: a permutation that is computed, never stored.
#pragma once

#include <cstdint>

namespace trireme::tokens {

/// Permutations of [0, count), one for each epoch of a seed. The method is a mixed-radix Feistel network with modular
/// addition (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002) over [0, a) x [0, b) with a*b >=
/// count > a*(b-1) and Philox4x32-10 as its round function; a value outside [0, count) is encrypted again until it lies
/// inside. A pure function of (count, seed, epoch, position), so any rank computes any entry alone.
class SampleOrder {
 public:
  /// `count` >= 1.
  SampleOrder(std::uint64_t count, std::uint64_t seed);

  std::uint64_t count() const noexcept { return count_; }
  /// The sample seen at `position` (below count) of `epoch`.
  std::uint64_t at(std::uint64_t epoch, std::uint64_t position) const;

 private:
  std::uint64_t count_;
  std::uint64_t seed_;
  std::uint64_t high_radix_;
  std::uint64_t low_radix_;
};

}  // namespace trireme::tokens
