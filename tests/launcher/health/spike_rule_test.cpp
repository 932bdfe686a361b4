#include "launcher/health/spike_rule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace trireme::launcher {
namespace {

// Losses that fall from 4 by 0.01 a step, with a tremor.
RecentLosses falling(std::size_t count) {
  RecentLosses losses;
  for (std::size_t i = 0; i < count; ++i)
    losses.push_back(4.0 - 0.01 * static_cast<double>(i) + (i % 2 == 0 ? 0.02 : 0));
  return losses;
}

TEST(SpikeRule, TheScoreIsADistanceFromTheMedianInRobustDeviations) {
  const RecentLosses window = {1, 2, 3, 4, 100};  // median 3, absolute deviations 2 1 0 1 97: median 1
  EXPECT_DOUBLE_EQ(robust_score(window, 3 + 1.4826), 1.0);
  EXPECT_DOUBLE_EQ(robust_score(window, 3 - 2 * 1.4826), -2.0);
  EXPECT_DOUBLE_EQ(robust_score(RecentLosses{1, 3}, 2 + 1.4826),
                   1.0);  // an even number: the mean of the two in the middle
}

TEST(SpikeRule, ALossThatStandsStillDoesNotMakeATremorASpike) {
  const RecentLosses window(32, 2.0);
  EXPECT_NEAR(robust_score(window, 2.002), 1.0, 1e-9);
  EXPECT_FALSE(is_spike({}, window, 2.019));
  EXPECT_TRUE(is_spike({}, window, 2.021));
}

TEST(SpikeRule, OnlyLossesFarAboveTheWindowAreSpikes) {
  const SpikeRule rule;
  const RecentLosses window = falling(64);
  EXPECT_FALSE(is_spike(rule, window, 3.36));
  EXPECT_FALSE(is_spike(rule, window, 4.1));
  EXPECT_FALSE(is_spike(rule, window, 0.1));
  EXPECT_TRUE(is_spike(rule, window, 7.0));
}

TEST(SpikeRule, NothingIsJudgedByAFewLossesAndNothingThatIsNotFinite) {
  const SpikeRule rule;
  EXPECT_FALSE(is_spike(rule, falling(15), 50.0));
  EXPECT_TRUE(is_spike(rule, falling(16), 50.0));
  EXPECT_FALSE(is_spike(rule, falling(64), std::numeric_limits<double>::infinity()));
  EXPECT_FALSE(is_spike(rule, falling(64), std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(is_spike({.window = 4}, falling(4), 50.0));
}

TEST(SpikeRule, TheWindowHoldsTheNewest) {
  RecentLosses window;
  for (int i = 0; i < 6; ++i) take_loss({.window = 4}, window, i);
  EXPECT_EQ(window, (RecentLosses{2, 3, 4, 5}));
  take_loss({.window = 2}, window, 6);  // a smaller window in the next attempt
  EXPECT_EQ(window, (RecentLosses{5, 6}));
}

}  // namespace
}  // namespace trireme::launcher
