#include "launcher/attempt/step_judge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using testing::HasSubstr;

class Events final : public RunKeeper {
 public:
  void health(const slurm::HealthEvent& event) override { events.push_back(event); }
  std::vector<slurm::HealthEvent> events;
};

class StepJudgeTest : public testing::Test {
 protected:
  StepJudge judge(const std::string& on_spike, const std::string& on_nonfinite = "stop") {
    options_.on_spike = on_spike;
    options_.on_nonfinite = on_nonfinite;
    return {options_, "0123", keeper_, history_, base::Log()};
  }
  static BadBatch batch(std::uint64_t first, double loss = 50) {
    return {9, {first, first + 3}, loss, 1.0, std::isfinite(loss)};
  }

  options::TrainSection options_;
  Events keeper_;
  HealthHistory history_;
  Position at_{8, 32, 0, {}, RecentLosses(32, 2.0)};
};

TEST_F(StepJudgeTest, WithoutAPolicyNothingIsASpikeAndNothingIsKept) {
  StepJudge none = judge("none");
  at_.losses.clear();
  for (int i = 0; i < 40; ++i) none.updated(at_, 2.0);
  EXPECT_TRUE(at_.losses.empty());
  EXPECT_FALSE(none.is_bad(at_, 1e9));
}

TEST_F(StepJudgeTest, ASpikeIsLeftOutAndTheLedgerKnows) {
  StepJudge skips = judge("skip");
  EXPECT_TRUE(skips.is_bad(at_, 50));
  EXPECT_FALSE(skips.bad(at_, batch(32), 5));
  EXPECT_EQ(at_.skipped.take(32, 2), (std::vector<std::uint64_t>{36, 37}));
  EXPECT_EQ(at_.step, 8);
  EXPECT_EQ(at_.losses.size(), 32U);  // the spike does not come into the window
  ASSERT_EQ(keeper_.events.size(), 1U);
  EXPECT_EQ(keeper_.events[0].kind, "spike");
  EXPECT_EQ(keeper_.events[0].action, slurm::kSkipped);
  EXPECT_EQ(keeper_.events[0].step, 9);
  EXPECT_EQ(keeper_.events[0].first_sample, 32);
  EXPECT_EQ(keeper_.events[0].last_sample, 35);
  EXPECT_EQ(keeper_.events[0].order, "0123");
  EXPECT_THAT(keeper_.events[0].message, HasSubstr("robust z-score of 24000"));
}

TEST_F(StepJudgeTest, FiveInARowAreLeftOutAndNoMore) {
  StepJudge skips = judge("skip");
  for (std::uint64_t i = 0; i < 5; ++i) EXPECT_FALSE(skips.bad(at_, batch(32 + 4 * i), 5));
  EXPECT_THROW(skips.bad(at_, batch(52), 5), base::Error);
  EXPECT_EQ(keeper_.events.back().action, "stopped");
  EXPECT_THAT(keeper_.events.back().message, HasSubstr("it is not the data"));
  skips.updated(at_, 2.0);
  EXPECT_FALSE(skips.bad(at_, batch(60), 5));
}

TEST_F(StepJudgeTest, StopEndsWithTheStepTheSamplesAndTheCheckpoint) {
  StepJudge stops = judge("none", "stop");
  try {
    stops.bad(at_, batch(32, std::numeric_limits<double>::quiet_NaN()), 5);
    FAIL();
  } catch (const base::Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("step 9 has loss nan and gradient norm 1 (samples 32 to 35): nothing was updated "
                          "or saved; the newest checkpoint is of step 5"));
  }
  EXPECT_EQ(keeper_.events.at(0).kind, "nonfinite");
  EXPECT_EQ(keeper_.events.at(0).action, "stopped");
}

TEST_F(StepJudgeTest, ARollBackIsLeftToTheCallerFiveTimesForACheckpoint) {
  StepJudge rolls = judge("rollback");
  for (std::uint64_t i = 0; i < 5; ++i) {
    const auto event = rolls.bad(at_, batch(32 + 4 * i), 5);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->action, slurm::kRolledBack);
    EXPECT_TRUE(at_.skipped.empty());
    rolls.updated(at_, 2.0);
  }
  EXPECT_TRUE(keeper_.events.empty());
  EXPECT_TRUE(rolls.bad(at_, batch(32), 6));
  EXPECT_THROW(rolls.bad(at_, batch(32), 5), base::Error);
}

}  // namespace
}  // namespace trireme::launcher
