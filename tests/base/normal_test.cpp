#include "base/normal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <vector>

#include "base/philox.hpp"

namespace trireme::base {
namespace {

TEST(Philox, MatchesThePublishedKnownAnswers) {
  // Random123 kat_vectors, philox4x32-10.
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(StandardNormal, HasTheMomentsOfANormal) {
  std::vector<double> values(200000);
  fill_normal(1, "tensor", 0, values.size(), 1.0, values.data());
  double sum = 0.0;
  double square = 0.0;
  double fourth = 0.0;
  for (const double v : values) {
    sum += v;
    square += v * v;
    fourth += v * v * v * v;
  }
  const auto n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0.0, 0.01);
  EXPECT_NEAR(square / n, 1.0, 0.02);
  EXPECT_NEAR(fourth / n, 3.0, 0.12);
}

TEST(StandardNormal, AgreesWithLibmToTheLastFewBits) {
  const PhiloxKey key = philox_key(mix(7, name_hash("w")));
  for (std::uint32_t pair = 0; pair < 1000; ++pair) {
    const auto r = philox({pair, 0, 0, 0}, key);
    const auto uniform = [](std::uint32_t high, std::uint32_t low) {
      return static_cast<double>((std::uint64_t{high} << 32 | low) >> 11) * 0x1p-53;
    };
    const double radius = std::sqrt(-2.0 * std::log(uniform(r[0], r[1]) + 0x1p-53));
    const double angle = 2.0 * 3.14159265358979323846 * uniform(r[2], r[3]);
    EXPECT_NEAR(standard_normal(7, "w", 2 * pair), radius * std::cos(angle), 4e-15);
    EXPECT_NEAR(standard_normal(7, "w", 2 * pair + 1), radius * std::sin(angle), 4e-15);
  }
}

TEST(FillNormal, AnyRangeHoldsTheSameBitsAsTheWhole) {
  std::vector<double> whole(101);
  fill_normal(3, "x", 0, whole.size(), 0.02, whole.data());
  for (std::uint64_t first = 0; first < whole.size(); first += 7) {
    std::vector<double> part(whole.size() - first);
    fill_normal(3, "x", first, part.size(), 0.02, part.data());
    for (std::size_t i = 0; i < part.size(); ++i) ASSERT_EQ(part[i], whole[first + i]);
  }
}

}  // namespace
}  // namespace trireme::base
