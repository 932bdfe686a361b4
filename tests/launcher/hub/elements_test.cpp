#include "launcher/hub/elements.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace trireme::launcher {
namespace {

using base::DataType;
using safetensors::ElementType;

/// The number that 16 bits stand for, by the definition of the format; NaN for a NaN.
double value_of(std::uint16_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits;
  const int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : std::nan("");
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

struct Format {
  ElementType type;
  int exponent_bits;
};
const Format kFormats[] = {{ElementType::kF16, 5}, {ElementType::kBF16, 8}};

TEST(Elements, EverySixteenBitNumberSurvivesWideningAndNarrowing) {
  for (const Format& format : kFormats) {
    std::vector<std::uint16_t> all(65536);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
    std::vector<float> wide(all.size());
    std::vector<double> wider(all.size());
    widen(format.type, all.data(), 65536, DataType::kFloat32, wide.data());
    widen(format.type, all.data(), 65536, DataType::kFloat64, wider.data());
    for (std::size_t i = 0; i < all.size(); ++i) {
      const double expected = value_of(all[i], format.exponent_bits);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(wide[i]) && std::isnan(wider[i])) << i;
      } else {
        ASSERT_EQ(std::bit_cast<std::uint64_t>(static_cast<double>(wide[i])), std::bit_cast<std::uint64_t>(expected))
            << i;
        ASSERT_EQ(wider[i], expected) << i;
      }
    }
    std::vector<std::uint16_t> back(all.size());
    EXPECT_TRUE(narrow(DataType::kFloat32, wide.data(), 65536, format.type, back.data()));
    EXPECT_EQ(back, all);  // NaNs too
    EXPECT_TRUE(narrow(DataType::kFloat64, wider.data(), 65536, format.type, back.data()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!std::isnan(wider[i])) {
        ASSERT_EQ(back[i], all[i]) << i;
      }
    }
  }
}

/// Returns the nearest number to `value` by trying all; of two equally near ones that with an even last bit.
std::uint16_t nearest(double value, const Format& format) {
  const std::uint16_t infinity =
      static_cast<std::uint16_t>(((1 << format.exponent_bits) - 1) << (15 - format.exponent_bits));
  std::uint16_t low = 0;  // bits of the largest number that is not above |value|
  std::uint16_t high = infinity;
  while (high - low > 1) {
    const auto middle = static_cast<std::uint16_t>((low + high) / 2);
    (value_of(middle, format.exponent_bits) <= std::abs(value) ? low : high) = middle;
  }
  const double below = value_of(low, format.exponent_bits);
  // The step beyond the largest number is as wide as the one before it.
  const double above = high == infinity
                           ? 2 * below - value_of(static_cast<std::uint16_t>(low - 1), format.exponent_bits)
                           : value_of(high, format.exponent_bits);
  const double down = std::abs(value) - below;
  const double up = above - std::abs(value);
  const bool takes_low = down < up || (down == up && low % 2 == 0);
  return static_cast<std::uint16_t>((takes_low ? low : high) | (std::signbit(value) ? 0x8000 : 0));
}

TEST(Elements, NarrowingTakesTheNearestNumberAndTiesToEven) {
  const std::uint32_t seed = std::random_device()();
  std::mt19937_64 random(seed);
  for (const Format& format : kFormats) {
    for (int i = 0; i < 200000; ++i) {
      double value =
          std::ldexp(static_cast<double>(random() % (1U << 26)) - (1 << 25), static_cast<int>(random() % 60) - 50);
      if (i % 3 == 0) {  // exactly between two numbers, or just beside
        const auto bits = static_cast<std::uint16_t>(random() % 0x7bff);
        value = (value_of(bits, format.exponent_bits) +
                 value_of(static_cast<std::uint16_t>(bits + 1), format.exponent_bits)) /
                2;
        if (i % 2 == 0) value = std::nextafter(value, i % 4 == 0 ? 1e300 : -1e300);
      }
      const std::uint16_t expected = nearest(value, format);
      std::uint16_t got = 0;
      const bool fits = narrow(DataType::kFloat64, &value, 1, format.type, &got);
      ASSERT_EQ(got, expected) << "seed " << seed << ", " << value;
      ASSERT_EQ(fits, std::isfinite(value_of(expected, format.exponent_bits))) << "seed " << seed << ", " << value;
      const auto single = static_cast<float>(value);
      narrow(DataType::kFloat32, &single, 1, format.type, &got);
      ASSERT_EQ(got, nearest(static_cast<double>(single), format)) << "seed " << seed << ", " << single;
    }
  }
}

TEST(Elements, NamesWhatBecomesInfinite) {
  const float large = 1e6F;
  const double larger = 1e300;
  const float infinite = std::numeric_limits<float>::infinity();
  std::uint16_t half = 0;
  float single = 0;
  EXPECT_FALSE(narrow(DataType::kFloat32, &large, 1, ElementType::kF16, &half));
  EXPECT_TRUE(narrow(DataType::kFloat32, &large, 1, ElementType::kBF16, &half));
  EXPECT_FALSE(narrow(DataType::kFloat64, &larger, 1, ElementType::kF32, &single));
  EXPECT_TRUE(narrow(DataType::kFloat32, &infinite, 1, ElementType::kF16, &half));  // it was so before
}

TEST(Elements, TransposesWhateverTheShape) {
  for (const std::int64_t rows : {1, 2, 15, 16, 17, 40}) {
    for (const std::int64_t columns : {1, 3, 16, 33}) {
      std::vector<float> source(static_cast<std::size_t>(rows * columns));
      for (std::size_t i = 0; i < source.size(); ++i) source[i] = static_cast<float>(i);
      const std::int64_t stride = rows + 2;
      std::vector<float> in(static_cast<std::size_t>(columns * stride), -1);
      widen_transposed(ElementType::kF32, source.data(), {rows, columns, columns, stride}, DataType::kFloat32,
                       in.data());
      std::vector<float> out(source.size());
      narrow_transposed(DataType::kFloat32, source.data(), {rows, columns, columns, rows}, ElementType::kF32,
                        out.data());
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t c = 0; c < columns; ++c) {
          ASSERT_EQ(in[static_cast<std::size_t>(c * stride + r)], static_cast<float>(r * columns + c));
          ASSERT_EQ(out[static_cast<std::size_t>(c * rows + r)], static_cast<float>(r * columns + c));
        }
      }
    }
  }
}

}  // namespace
}  // namespace trireme::launcher
