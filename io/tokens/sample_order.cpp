#include "io/tokens/sample_order.hpp"

#include <cmath>

#include "base/error.hpp"
#include "base/philox.hpp"

namespace trireme::tokens {
namespace {

// An even number. Eight rounds hide all structure of large domains. The smallest domains need more until all their
// permutations are equally frequent (tested for N = 2 to 6).
constexpr std::uint32_t kRounds = 16;

std::uint64_t round_value(std::uint64_t half, std::uint32_t round, base::PhiloxKey key) {
  const auto words =
      base::philox({static_cast<std::uint32_t>(half), static_cast<std::uint32_t>(half >> 32), round, 0}, key);
  return (std::uint64_t{words[1]} << 32) | words[0];
}

std::uint64_t ceil_sqrt(std::uint64_t n) {
  auto root = static_cast<std::uint64_t>(std::sqrt(static_cast<double>(n)));
  while (root * root >= n && root > 1) --root;
  while (root * root < n) ++root;
  return root;
}

}  // namespace

SampleOrder::SampleOrder(std::uint64_t count, std::uint64_t seed) : count_(count), seed_(seed) {
  if (count == 0 || count >= (std::uint64_t{1} << 62)) {
    throw base::Error(base::str("a sample order of ", count, " samples is impossible"));
  }
  high_radix_ = ceil_sqrt(count);
  low_radix_ = (count + high_radix_ - 1) / high_radix_;
}

std::uint64_t SampleOrder::at(std::uint64_t epoch, std::uint64_t position) const {
  const base::PhiloxKey key = base::philox_key(base::mix(base::mix(base::name_hash("sample order"), seed_), epoch));
  std::uint64_t value = position;
  do {
    std::uint64_t high = value / low_radix_;
    std::uint64_t low = value % low_radix_;
    for (std::uint32_t round = 0; round < kRounds; round += 2) {
      high = (high + round_value(low, round, key) % high_radix_) % high_radix_;
      low = (low + round_value(high, round + 1, key) % low_radix_) % low_radix_;
    }
    value = high * low_radix_ + low;
  } while (value >= count_);
  return value;
}

}  // namespace trireme::tokens
