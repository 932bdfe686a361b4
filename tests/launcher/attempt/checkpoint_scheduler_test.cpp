#include "launcher/attempt/checkpoint_scheduler.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

using UnderWay = CheckpointScheduler::UnderWay;

CheckpointScheduler::Time at(double seconds) {
  return CheckpointScheduler::Time(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds)));
}

// A run that goes on from step 100, which is saved, at 1000 s.
CheckpointScheduler scheduler(const SaveRules& rules) { return {rules, 100, at(1000)}; }

SaveDue boundary(const CheckpointScheduler& scheduler, std::int64_t step, double now) {
  return scheduler.at_boundary(step, at(now), false, UnderWay::kNothing);
}

TEST(SaveRules, AnIntervalIsChosenWhenNothingElseIsAsked) {
  options::CheckpointSection options;
  EXPECT_FALSE(save_rules(options).every_seconds);
  options.every_steps = 20;
  EXPECT_EQ(save_rules(options).every_seconds, 0.0) << "by steps only";
  EXPECT_EQ(save_rules(options).every_steps, 20);
  options.every_minutes = 1.5;
  EXPECT_EQ(save_rules(options).every_seconds, 90.0) << "by both";
  options = {};
  options.every_minutes = 0;
  EXPECT_EQ(save_rules(options).every_seconds, 0.0) << "only at the end";
}

TEST(SaveRules, TheFastTierCountsWhereThereIsOne) {
  options::CheckpointSection options;
  options.fast_every_steps = 7;
  EXPECT_EQ(save_rules(options).fast_every_steps, 0);
  options.fast_dir = "/dev/shm/me";
  EXPECT_EQ(save_rules(options).fast_every_steps, 7);
}

TEST(CheckpointScheduler, SavesByTimeWhenTheIntervalSinceTheLastBeginHasPassed) {
  CheckpointScheduler saves = scheduler({.every_seconds = 60.0});
  EXPECT_EQ(boundary(saves, 101, 1059.9), SaveDue::kNothing);
  EXPECT_EQ(boundary(saves, 101, 1060), SaveDue::kByTime);
  saves.begun(at(1062));
  EXPECT_EQ(boundary(saves, 110, 1121.9), SaveDue::kNothing);
  EXPECT_EQ(boundary(saves, 110, 1122), SaveDue::kByTime);
}

TEST(CheckpointScheduler, AStepThatIsSavedIsNotSavedAgain) {
  CheckpointScheduler saves = scheduler({.every_seconds = 60.0});
  EXPECT_EQ(boundary(saves, 100, 5000), SaveDue::kNothing);
  EXPECT_EQ(saves.at_end(100), SaveDue::kNothing);
  EXPECT_EQ(saves.at_end(101), SaveDue::kAtEnd);
  saves.saved(101);
  EXPECT_EQ(saves.at_end(101), SaveDue::kNothing);
  EXPECT_EQ(boundary(saves, 101, 5000), SaveDue::kNothing);
  EXPECT_EQ(saves.saved_step(), 101);
}

TEST(CheckpointScheduler, NeverByTimeWithoutAnInterval) {
  EXPECT_EQ(boundary(scheduler({.every_steps = 10}), 101, 1e9), SaveDue::kNothing);
  EXPECT_EQ(scheduler({.every_steps = 10}).interval(), 0);
}

TEST(CheckpointScheduler, AChosenIntervalTakesThePlaceOfTenMinutes) {
  CheckpointScheduler saves = scheduler({.every_seconds = std::nullopt});
  EXPECT_TRUE(saves.chooses_interval());
  EXPECT_EQ(saves.interval(), 600);
  EXPECT_EQ(boundary(saves, 101, 1599), SaveDue::kNothing);
  EXPECT_EQ(boundary(saves, 101, 1600), SaveDue::kByTime);
  EXPECT_TRUE(saves.choose(90)) << "the first choice is told";
  EXPECT_FALSE(saves.choose(120));
  EXPECT_EQ(saves.interval(), 120);
  EXPECT_EQ(boundary(saves, 101, 1120), SaveDue::kByTime);
  EXPECT_FALSE(scheduler({.every_seconds = 60.0}).chooses_interval());
}

TEST(CheckpointScheduler, ARequestSavesAtOnceOrIsOnlyAnswered) {
  const CheckpointScheduler saves = scheduler({.every_steps = 10});
  EXPECT_EQ(saves.at_boundary(101, at(1001), true, UnderWay::kNothing), SaveDue::kByRequest);
  EXPECT_EQ(saves.at_boundary(100, at(1001), true, UnderWay::kNothing), SaveDue::kAnswer);
  const CheckpointScheduler fresh({}, 0, at(0));
  EXPECT_EQ(fresh.at_boundary(0, at(1), true, UnderWay::kNothing), SaveDue::kNothing) << "there is nothing to save yet";
}

TEST(CheckpointScheduler, WaitsForACheckpointUnderWayButNotForTheFastTier) {
  const CheckpointScheduler saves = scheduler({.every_seconds = 60.0});
  EXPECT_EQ(saves.at_boundary(101, at(2000), true, UnderWay::kCheckpoint), SaveDue::kNothing);
  EXPECT_EQ(saves.at_boundary(100, at(2000), true, UnderWay::kCheckpoint), SaveDue::kNothing);
  EXPECT_EQ(saves.at_boundary(101, at(2000), true, UnderWay::kFastTier), SaveDue::kByRequest);
  EXPECT_EQ(saves.at_boundary(101, at(2000), false, UnderWay::kFastTier), SaveDue::kByTime);
}

TEST(CheckpointScheduler, SavesAfterEveryNthStepWhateverIsUnderWay) {
  const CheckpointScheduler saves = scheduler({.every_steps = 20});
  EXPECT_EQ(saves.after_step(119, UnderWay::kNothing), SaveDue::kNothing);
  for (const UnderWay other : {UnderWay::kNothing, UnderWay::kCheckpoint, UnderWay::kFastTier}) {
    EXPECT_EQ(saves.after_step(120, other), SaveDue::kBySteps);
  }
  EXPECT_EQ(scheduler({}).after_step(120, UnderWay::kNothing), SaveDue::kNothing);
}

TEST(CheckpointScheduler, TheFastTierGivesWayToWhateverIsUnderWay) {
  const CheckpointScheduler saves = scheduler({.every_steps = 20, .fast_every_steps = 5});
  EXPECT_EQ(saves.after_step(104, UnderWay::kNothing), SaveDue::kNothing);
  EXPECT_EQ(saves.after_step(105, UnderWay::kNothing), SaveDue::kInFastTier);
  EXPECT_EQ(saves.after_step(105, UnderWay::kCheckpoint), SaveDue::kNothing);
  EXPECT_EQ(saves.after_step(105, UnderWay::kFastTier), SaveDue::kNothing);
  EXPECT_EQ(saves.after_step(120, UnderWay::kNothing), SaveDue::kBySteps) << "one of both: the run directory's";
}

}  // namespace
}  // namespace trireme::launcher
