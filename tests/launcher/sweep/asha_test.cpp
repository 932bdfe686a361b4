#include "launcher/sweep/asha.hpp"

#include <gtest/gtest.h>

#include "tests/support/random.hpp"

namespace trireme::launcher {
namespace {

using Kind = AshaDecision::Kind;

AshaPlan plan_of(std::vector<std::int64_t> rungs = {9, 27, 81}) { return {std::move(rungs), 3, true}; }

AshaTrial measured(std::vector<double> metrics) { return {std::move(metrics), true}; }

TEST(Asha, RungsGrowByTheReductionAndEndWithTheTraining) {
  using Rungs = std::vector<std::int64_t>;
  EXPECT_EQ(rungs_of(9, 3, 81), (Rungs{9, 27, 81}));
  EXPECT_EQ(rungs_of(8, 3, 200), (Rungs{8, 24, 72, 200}));
  EXPECT_EQ(rungs_of(81, 3, 81), (Rungs{81}));
  EXPECT_EQ(rungs_of(1, 2, 9), (Rungs{1, 2, 4, 8, 9}));
  EXPECT_EQ(rungs_of(1, 1000, std::int64_t{1} << 53).back(), std::int64_t{1} << 53);
}

TEST(Asha, StartsNewTrialsInOrderAndPromotesTheBestThirdFirst) {
  std::vector<AshaTrial> trials(6);
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 0, 0}));
  trials[0] = measured({3.0});
  trials[1] = measured({1.0});
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 2, 0})) << "a third of two is none";
  trials[2] = measured({2.0});
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 1, 1}));
  trials[1].claimed = true;
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 3, 0})) << "no promotion is given twice";
}

TEST(Asha, PromotesFromTheHighestRungDown) {
  std::vector<AshaTrial> trials;
  for (int i = 0; i < 9; ++i) trials.push_back(measured({1.0 * i}));
  for (int i = 0; i < 3; ++i) trials[i].metrics.push_back(1.0 * i);
  trials.emplace_back();
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 0, 2}));
  trials[0].metrics.push_back(0.0);
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 9, 0}));
}

TEST(Asha, AHigherMetricMayBeBetter) {
  AshaPlan plan = plan_of();
  plan.minimise = false;
  const std::vector<AshaTrial> trials{measured({0.1}), measured({0.9}), measured({0.5})};
  EXPECT_EQ(decide(plan, trials), (AshaDecision{Kind::kRun, 1, 1}));
}

TEST(Asha, ATrialThatLostItsWorkerGoesOnFirst) {
  std::vector<AshaTrial> trials{measured({1.0}), measured({2.0}), measured({3.0}), AshaTrial{}};
  trials[2].interrupted = true;  // on its way to rung 1
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 2, 1}));
  trials[3] = {{}, true, false, true, false};
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 2, 1})) << "the furthest one";
  trials[2].claimed = true;
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 3, 0}));
}

TEST(Asha, WhatIsOutIsNeverTakenButCountsWhereItWasMeasured) {
  std::vector<AshaTrial> trials{measured({1.0}), measured({2.0}), measured({3.0})};
  trials[0].out = true;
  const AshaDecision decision = decide(plan_of(), trials);
  EXPECT_EQ(decision, (AshaDecision{Kind::kRun, 1, 1})) << "the best of those that are left is carried to the end";
  trials = {AshaTrial{}};
  trials[0].out = true;
  EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kDone);
}

TEST(Asha, WaitsWhileSomethingRunsAndThenCarriesTheBestToTheEnd) {
  std::vector<AshaTrial> trials{measured({2.0}), measured({1.0})};
  trials[0].claimed = true;
  EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kWait);
  trials[0].claimed = false;
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 1, 1}));
  trials[1].metrics = {1.0, 5.0};
  EXPECT_EQ(decide(plan_of(), trials), (AshaDecision{Kind::kRun, 1, 2}));
  trials[1].metrics = {1.0, 5.0, 6.0};
  EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kDone);
}

TEST(Asha, WithOneRungNothingIsStoppedEarly) {
  std::vector<AshaTrial> trials{measured({2.0}), AshaTrial{}};
  EXPECT_EQ(decide(plan_of({81}), trials), (AshaDecision{Kind::kRun, 1, 0}));
  trials[1] = measured({1.0});
  EXPECT_EQ(decide(plan_of({81}), trials).kind, Kind::kDone);
}

TEST(Asha, ExpectsWhatWholeRungsCost) {
  EXPECT_EQ(expected_steps(plan_of(), 9), 9 * 9 + 3 * 18 + 1 * 54);
  EXPECT_EQ(expected_steps(plan_of(), 2), 2 * 9 + 1 * 18 + 1 * 54);
  EXPECT_EQ(expected_steps(plan_of({81}), 5), 5 * 81);
}

// Whatever workers do and lose, each trial is measured at each rung at most once, and the sweep ends with a whole
// training.
TEST(Asha, EveryOrderOfWorkersEnds) {
  auto random = tests::seeded_random(5);
  for (int round = 0; round < 200; ++round) {
    const std::size_t count = 1 + random() % 30, workers = 1 + random() % 5;
    std::vector<AshaTrial> trials(count);
    std::vector<AshaDecision> running;
    for (int step = 0; step < 5000; ++step) {
      const AshaDecision next = running.size() < workers ? decide(plan_of(), trials) : AshaDecision{Kind::kWait, 0, 0};
      if (next.kind == Kind::kDone) break;
      if (next.kind == Kind::kRun) {
        AshaTrial& trial = trials[next.trial];
        ASSERT_FALSE(trial.claimed || trial.out);
        ASSERT_EQ(trial.metrics.size(), next.rung);
        trial.claimed = trial.started = true;
        trial.interrupted = false;
        running.push_back(next);
        continue;
      }
      ASSERT_FALSE(running.empty()) << "it waits for nobody";
      std::swap(running[random() % running.size()], running.back());
      AshaTrial& ended = trials[running.back().trial];
      running.pop_back();
      ended.claimed = false;
      const auto fate = random() % 10;
      if (fate == 0) {
        ended.interrupted = true;
      } else if (fate == 1) {
        ended.out = true;
      } else {
        ended.metrics.push_back(static_cast<double>(random() % 1000));
      }
    }
    EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kDone);
    bool whole = false, all_out = true;
    for (const AshaTrial& trial : trials) {
      whole = whole || trial.metrics.size() == 3;
      all_out = all_out && (trial.out || trial.metrics.empty());
      EXPECT_TRUE(trial.started);
    }
    EXPECT_TRUE(whole || all_out);
  }
}

TEST(Asha, WhatOnlyOthersCanTakeCountsAndIsWaitedFor) {
  std::vector<AshaTrial> trials{measured({3.0}), measured({1.0}), measured({2.0})};
  trials[1].elsewhere = true;
  EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kWait) << "the best of three goes on elsewhere";
  trials[1].metrics.push_back(1.0);
  trials[1].claimed = false;
  EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kWait) << "nobody has come to the end: it will, elsewhere";
  trials[1].metrics.push_back(1.0);
  EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kDone);
  trials.emplace_back().elsewhere = true;
  EXPECT_EQ(decide(plan_of(), trials).kind, Kind::kWait) << "a new trial for others";
}

}  // namespace
}  // namespace trireme::launcher
