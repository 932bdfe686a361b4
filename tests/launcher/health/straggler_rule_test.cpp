#include "launcher/health/straggler_rule.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

using Times = std::vector<double>;

TEST(StragglerRule, NamesARankThatIsSlowForSoLong) {
  StragglerRule rule(1.5, 60, {0, 0, 0, 0});
  EXPECT_FALSE(rule.look(Times{1, 1, 2, 1}, 100));
  EXPECT_FALSE(rule.look(Times{1, 1, 1.6, 1}, 159));
  const auto found = rule.look(Times{1, 1.1, 1.8, 1}, 165);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rank, 2);
  EXPECT_DOUBLE_EQ(found->times_as_long, 1.8);
  EXPECT_DOUBLE_EQ(found->for_seconds, 65);
  EXPECT_FALSE(rule.look(Times{1, 1, 2, 1}, 300));  // named already
}

TEST(StragglerRule, AFastLookBeginsAnew) {
  StragglerRule rule(1.5, 60, {0, 0});
  EXPECT_FALSE(rule.look(Times{1, 2}, 0));
  EXPECT_FALSE(rule.look(Times{1, 1}, 50));
  EXPECT_FALSE(rule.look(Times{1, 2}, 70));
  EXPECT_FALSE(rule.look(Times{1, 2}, 129));
  ASSERT_TRUE(rule.look(Times{1, 2}, 130));
  EXPECT_FALSE(rule.look(Times{1, 1}, 140));
  EXPECT_FALSE(rule.look(Times{1, 2}, 150));
  EXPECT_TRUE(rule.look(Times{1, 2}, 210));  // again, after it was as fast as the other
}

TEST(StragglerRule, OfSeveralTheSlowestComesFirst) {
  StragglerRule rule(1.5, 0, {0, 0, 0, 0, 0});
  EXPECT_EQ(rule.look(Times{1, 2, 1, 3, 1}, 0)->rank, 3);
  EXPECT_EQ(rule.look(Times{1, 2, 1, 3, 1}, 10)->rank, 1);
  EXPECT_FALSE(rule.look(Times{1, 2, 1, 3, 1}, 20));
}

TEST(StragglerRule, ComparesRanksWithTheSameWorkOnly) {
  StragglerRule rule(1.5, 0, {0, 0, 1, 1, 2});
  EXPECT_FALSE(rule.look(Times{1, 1, 5, 5, 9}, 0));  // the last rank has no peers
  EXPECT_EQ(rule.look(Times{1, 1, 5, 9, 9}, 1)->rank, 3);
}

TEST(StragglerRule, TheMedianIsThatOfTheOthers) {
  const auto ratio = [](const Times& times) {
    StragglerRule rule(1.01, 0, std::vector<int>(times.size(), 0));
    return rule.look(times, 0)->times_as_long;
  };
  EXPECT_DOUBLE_EQ(ratio({6, 1, 2, 3}), 3);           // of 1, 2, 3
  EXPECT_DOUBLE_EQ(ratio({1, 2, 3, 4, 8}), 8.0 / 3);  // of 1, 2, 3, 4: the upper one in the middle
  EXPECT_DOUBLE_EQ(ratio({2, 4}), 2);
  EXPECT_DOUBLE_EQ(ratio({5, 5, 5, 6}), 1.2);
}

TEST(StragglerRule, RanksThatComputedNothingAreNoMeasure) {
  StragglerRule rule(1.5, 0, {0, 0});
  EXPECT_FALSE(rule.look(Times{0, 1}, 0));
}

}  // namespace
}  // namespace trireme::launcher
