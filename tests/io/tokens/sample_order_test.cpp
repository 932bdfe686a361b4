#include "io/tokens/sample_order.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <vector>

namespace trireme::tokens {
namespace {

bool is_bijection(std::uint64_t count, std::uint64_t seed, std::uint64_t epoch) {
  const SampleOrder order(count, seed);
  std::vector<bool> seen(count, false);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t value = order.at(epoch, i);
    if (value >= count || seen[value]) return false;
    seen[value] = true;
  }
  return true;
}

TEST(SampleOrder, IsABijectionForEveryCountUpTo4096) {
  for (std::uint64_t count = 1; count <= 4096; ++count) {
    ASSERT_TRUE(is_bijection(count, count * 7, count % 3)) << count;
  }
}

TEST(SampleOrder, IsABijectionNearPowersOfTwo) {
  for (int bits = 13; bits <= 18; ++bits) {
    for (const int offset : {-1, 0, 1}) {
      const auto count = (std::uint64_t{1} << bits) + static_cast<std::uint64_t>(offset);
      ASSERT_TRUE(is_bijection(count, 1, 0)) << count;
    }
  }
}

// In 5-sigma bounds of the chi-square distribution, over all permutations of N at three positions of the seed space.
TEST(SampleOrder, AllPermutationsOfSmallCountsAreEquallyFrequent) {
  for (std::uint64_t count = 2; count <= 6; ++count) {
    int permutations = 1;
    for (int i = 2; i <= static_cast<int>(count); ++i) permutations *= i;
    for (const bool vary_epoch : {false, true}) {
      std::map<std::vector<std::uint64_t>, int> frequency;
      const int draws = permutations * 100;
      for (int draw = 0; draw < draws; ++draw) {
        const SampleOrder order(count, vary_epoch ? 5 : static_cast<std::uint64_t>(draw));
        std::vector<std::uint64_t> permutation;
        for (std::uint64_t i = 0; i < count; ++i) {
          permutation.push_back(order.at(vary_epoch ? static_cast<std::uint64_t>(draw) : 0, i));
        }
        ++frequency[permutation];
      }
      EXPECT_EQ(frequency.size(), static_cast<std::size_t>(permutations));
      double chi_square = 0;
      for (const auto& [permutation, times] : frequency) chi_square += (times - 100.0) * (times - 100.0) / 100.0;
      const double freedom = permutations - 1;
      EXPECT_LT(chi_square, freedom + 5 * std::sqrt(2 * freedom)) << count << " " << vary_epoch;
      EXPECT_GT(chi_square, freedom - 5 * std::sqrt(2 * freedom)) << count << " " << vary_epoch;
    }
  }
}

TEST(SampleOrder, LargeCountsScatter) {
  const std::uint64_t count = std::uint64_t{1} << 40;
  const SampleOrder order(count, 3);
  std::set<std::uint64_t> values;
  double sum = 0;
  for (std::uint64_t i = 0; i < 10000; ++i) {
    const auto value = order.at(0, i);
    ASSERT_LT(value, count);
    values.insert(value);
    sum += static_cast<double>(value) / static_cast<double>(count);
  }
  EXPECT_EQ(values.size(), 10000U);
  EXPECT_NEAR(sum / 10000, 0.5, 5 * 0.2887 / 100);
}

// A run that resumes under a newer version must see the same order: these numbers never change.
TEST(SampleOrder, GoldenValues) {
  std::vector<std::uint64_t> values;
  for (std::uint64_t i = 0; i < 8; ++i) values.push_back(SampleOrder(1000, 1234).at(2, i));
  EXPECT_EQ(values, (std::vector<std::uint64_t>{333, 136, 329, 226, 470, 872, 106, 587}));
}

}  // namespace
}  // namespace trireme::tokens
