#include "collectives/ops/reduce.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

namespace trireme::collectives {
namespace {

/// The nearest bf16 by search over both neighbours in exact arithmetic; ties to the even mantissa.
std::uint16_t nearest_bf16(float value) {
  const auto low = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
  const auto high = static_cast<std::uint16_t>(low + 1);
  const double below = std::fabs(static_cast<double>(value) - static_cast<double>(bf16_to_float(low)));
  const double above = std::fabs(static_cast<double>(bf16_to_float(high)) - static_cast<double>(value));
  if (below != above) return below < above ? low : high;
  return low % 2 == 0 ? low : high;
}

TEST(BFloat16, RoundsToNearestEven) {
  for (std::uint32_t bits = 0; bits < 0x7F000000U; bits += 0x8000U / 2 + 1) {
    const float value = std::bit_cast<float>(bits);
    ASSERT_EQ(float_to_bf16(value), nearest_bf16(value)) << bits;
    ASSERT_EQ(float_to_bf16(-value), nearest_bf16(value) | 0x8000U) << bits;
  }
  for (std::uint32_t high = 0x3F80; high < 0x3F90; ++high) {  // exact ties
    const float value = std::bit_cast<float>((high << 16) | 0x8000U);
    EXPECT_EQ(float_to_bf16(value), high % 2 == 0 ? high : high + 1);
  }
}

TEST(BFloat16, KeepsInfinityAndNan) {
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::infinity()), 0x7F80);
  EXPECT_EQ(float_to_bf16(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_TRUE(std::isnan(bf16_to_float(float_to_bf16(std::bit_cast<float>(0x7F800001U)))));
}

TEST(Reduce, AccumulatesBf16InFp32AndRoundsOnce) {
  // 256 + 1 + 1 in bf16 steps of 2: rounding after each addition would stay at 256.
  const std::uint16_t a = float_to_bf16(256), b = float_to_bf16(1), c = float_to_bf16(1);
  const void* inputs[] = {&a, &b, &c};
  std::uint16_t sum = 0;
  reduce(&sum, inputs, 3, 1, DataType::kBFloat16, ReduceOp::kSum);
  EXPECT_EQ(bf16_to_float(sum), 258);
}

TEST(Reduce, AddsInTheOrderOfTheInputs) {
  const double big = 1e16, one = 1;
  const double negative = -1e16;
  double sum = 0;
  const void* big_first[] = {&big, &one, &negative};
  reduce(&sum, big_first, 3, 1, DataType::kFloat64, ReduceOp::kSum);
  EXPECT_EQ(sum, (1e16 + 1.0) - 1e16);
  const void* big_last[] = {&big, &negative, &one};
  reduce(&sum, big_last, 3, 1, DataType::kFloat64, ReduceOp::kSum);
  EXPECT_EQ(sum, 1.0);
}

TEST(Reduce, TheResultMayReplaceAnyInput) {
  constexpr std::size_t kCount = 5000;  // several blocks
  for (std::size_t replaced = 0; replaced < 4; ++replaced) {
    std::vector<std::vector<std::int64_t>> inputs(4, std::vector<std::int64_t>(kCount));
    std::vector<std::int64_t> expected(kCount, 0);
    std::vector<const void*> pointers;
    for (std::size_t r = 0; r < inputs.size(); ++r) {
      for (std::size_t i = 0; i < kCount; ++i) {
        inputs[r][i] = static_cast<std::int64_t>(i * (r + 3));
        expected[i] += inputs[r][i];
      }
      pointers.push_back(inputs[r].data());
    }
    reduce(inputs[replaced].data(), pointers.data(), 4, kCount, DataType::kInt64, ReduceOp::kSum);
    EXPECT_EQ(inputs[replaced], expected);
  }
}

}  // namespace
}  // namespace trireme::collectives
