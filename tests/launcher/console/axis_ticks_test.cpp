#include "launcher/console/axis_ticks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "tests/support/random.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;
using Labels = std::vector<std::string>;

double uniform(std::mt19937& random) { return std::uniform_real_distribution<double>(0, 1)(random); }

Labels labels(const std::vector<Tick>& ticks) {
  Labels found;
  for (const Tick& tick : ticks) found.push_back(tick.label);
  return found;
}

TEST(AxisTicks, AreRoundNumbersInOneUnit) {
  EXPECT_THAT(labels(linear_ticks(0, 10, 6)), ElementsAre("0", "2", "4", "6", "8", "10"));
  EXPECT_THAT(labels(linear_ticks(2.31, 2.78, 5)), ElementsAre("2.4", "2.5", "2.6", "2.7"));
  EXPECT_THAT(labels(linear_ticks(1, 100000, 6)), ElementsAre("20k", "40k", "60k", "80k", "100k"));
  EXPECT_THAT(labels(linear_ticks(0, 2.5e6, 6)), ElementsAre("0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M"));
  EXPECT_THAT(labels(linear_ticks(0, 6e-4, 4)), ElementsAre("0", "2e-4", "4e-4", "6e-4"));
  EXPECT_THAT(labels(linear_ticks(-1, 1, 3)), ElementsAre("-1", "0", "1"));
  EXPECT_THAT(labels(linear_ticks(-0.3, 0.3, 2)), ElementsAre("0"));
  EXPECT_THAT(labels(linear_ticks(999, 1001, 3)), ElementsAre("999", "1000", "1001"));
}

TEST(AxisTicks, OfLogarithmsArePowersOfTenWhereThereAreSome) {
  EXPECT_THAT(labels(log_ticks(1e-5, 10, 8)), ElementsAre("1e-5", "1e-4", "0.001", "0.01", "0.1", "1", "10"));
  EXPECT_THAT(labels(log_ticks(1e-5, 10, 4)), ElementsAre("1e-5", "0.001", "0.1", "10"));
  EXPECT_THAT(labels(log_ticks(1.5, 30, 8)), ElementsAre("2", "5", "10", "20"));
  EXPECT_THAT(labels(log_ticks(2.1, 2.9, 5)), ElementsAre("2.2", "2.4", "2.6", "2.8"));
}

void expect_sound(const std::vector<Tick>& ticks, double low, double high, std::size_t most) {
  ASSERT_GE(ticks.size(), 1u) << low << " to " << high;
  ASSERT_LE(ticks.size(), most);
  const double some = 1e-6 * (high - low);
  std::set<std::string> different;
  for (std::size_t i = 0; i < ticks.size(); ++i) {
    EXPECT_GE(ticks[i].value, low - some);
    EXPECT_LE(ticks[i].value, high + some);
    EXPECT_TRUE(i == 0 || ticks[i].value > ticks[i - 1].value);
    EXPECT_TRUE(different.insert(ticks[i].label).second) << ticks[i].label << " twice in " << low << " to " << high;
    EXPECT_LE(ticks[i].label.size(), 10u) << ticks[i].label;
  }
}

TEST(AxisTicks, AreFewDifferentAndWithinAnyRange) {
  std::mt19937 random = tests::seeded_random(1);
  for (int i = 0; i < 20000; ++i) {
    const double size = std::pow(10.0, 60 * uniform(random) - 30), center = (uniform(random) - 0.5) * size * 20;
    const std::size_t most = 2 + static_cast<std::size_t>(uniform(random) * 12);
    expect_sound(linear_ticks(center, center + size, most), center, center + size, most);
    const double low = std::pow(10.0, 40 * uniform(random) - 20),
                 high = low * std::pow(10.0, 0.1 + 9 * uniform(random));
    expect_sound(log_ticks(low, high, most), low, high, most);
  }
}

TEST(AxisTicks, EndAtTheLimitsOfDoubles) {
  constexpr double kLargest = std::numeric_limits<double>::max();
  for (const auto& [low, high] : std::vector<std::pair<double, double>>{{-kLargest, kLargest},
                                                                        {0, kLargest},
                                                                        {0, 5e-324},
                                                                        {1, std::nextafter(1.0, 2.0)},
                                                                        {1e300, 1.0000001e300},
                                                                        {-5e-324, 0}}) {
    EXPECT_FALSE(linear_ticks(low, high, 5).empty()) << low << " to " << high;
  }
  EXPECT_FALSE(log_ticks(5e-324, kLargest, 5).empty());
}

}  // namespace
}  // namespace trireme::launcher
