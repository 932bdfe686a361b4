#include "launcher/run_directory/run_summary.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

// A run of 100 steps: ran for 100 s from 1000, saved step 40, and was stopped; 4 ranks.
RunFacts stopped_run() {
  RunFacts facts;
  facts.path = "/work/runs/bible";
  slurm::Attempt attempt;
  attempt.number = 1;
  attempt.start.job_id = "7";
  attempt.start.ranks = 4;
  attempt.start.steps = 100;
  attempt.start.time = 1000;
  attempt.ended = true;
  attempt.end = {.reason = "stopped by SIGTERM", .device_seconds = 400, .lost_seconds = 36, .time = 1100};
  facts.attempts = {attempt};
  facts.newest = StepFacts{40, 2.5, 2.0, 500, 1100};
  facts.saved_step = 40;
  return facts;
}

slurm::QueuedJob job(const std::string& state, const std::string& reason) {
  slurm::QueuedJob queued;
  queued.id = "7";
  queued.state = state;
  queued.reason = reason;
  return queued;
}

TEST(RunSummary, WaitingInTheQueueStretchesTheTimeLeft) {
  const RunSummary run = summarise(stopped_run(), {{job("PENDING", "BeginTime")}}, 1400);
  EXPECT_EQ(run.state, "requeued");
  EXPECT_EQ(run.note, "requeued: Slurm holds it for about two minutes");
  ASSERT_TRUE(run.seconds_left);
  EXPECT_DOUBLE_EQ(*run.seconds_left, 60 * 2.0 / 0.25);  // it ran 100 of 400 s
}

TEST(RunSummary, WithoutAJobTheLastEndTells) {
  RunFacts facts = stopped_run();
  EXPECT_EQ(summarise(facts, {}, 1400).state, "stopped");
  EXPECT_FALSE(summarise(facts, {}, 1400).seconds_left);
  facts.attempts[0].end.reason = "failed: no";
  EXPECT_EQ(summarise(facts, {}, 1400).state, "failed");
  facts.attempts[0].end.reason = "paused at step 40";
  EXPECT_EQ(summarise(facts, {}, 1400).state, "paused");
  EXPECT_EQ(summarise(facts, {}, 1400).note, "paused at step 40");
  facts.attempts[0].end.reason = "done early: valid_loss 2.4000 reached the target 2.5";
  facts.attempts[0].start.stop_when = "target 2.5";
  EXPECT_EQ(summarise(facts, {}, 1400).state, "done");
  EXPECT_EQ(summarise(facts, {}, 1400).note, facts.attempts[0].end.reason);
  facts.attempts[0].end.reason = "done";
  facts.attempts[0].end.last_step = 100;
  EXPECT_EQ(summarise(facts, {}, 1400).state, "done");
  facts.attempts[0].ended = false;
  EXPECT_EQ(summarise(facts, {}, 1400).state, "dead");
  EXPECT_EQ(summarise(facts, {{job("RUNNING", "None")}}, 1400).state, "starting");
}

TEST(RunSummary, ARunningAttemptShowsItsOwnStepAndNextSave) {
  RunFacts facts = stopped_run();
  facts.attempts[0].ended = false;
  facts.attempts[0].end = {};
  facts.alive = true;
  facts.newest->step = 55;
  facts.save_every_steps = 20;
  const RunSummary run = summarise(facts, {}, 1100);
  EXPECT_EQ(run.state, "running");
  EXPECT_EQ(run.step, 55);
  EXPECT_EQ(run.next_checkpoint, "step 60");
  EXPECT_DOUBLE_EQ(run.device_hours, 400.0 / 3600);
  EXPECT_DOUBLE_EQ(*run.seconds_left, 45 * 2.0);
}

TEST(RunSummary, HoursOfAKilledAttemptEndWithItsLastLine) {
  RunFacts facts = stopped_run();
  facts.attempts[0].ended = false;
  facts.attempts[0].end = {};
  facts.newest->step = 45;
  const RunSummary run = summarise(facts, {}, 90000);
  EXPECT_DOUBLE_EQ(run.device_hours, 400.0 / 3600);
  EXPECT_DOUBLE_EQ(run.lost_hours, 4 * 5 * 2.0 / 3600);
  EXPECT_EQ(run.step, 40);
}

TEST(RunSummary, WhatRollBacksUndidIsLost) {
  RunFacts facts = stopped_run();
  facts.attempts[0].ended = false;
  facts.attempts[0].end = {};
  facts.attempts[0].health = {{.kind = "spike", .action = "rolled back", .lost_seconds = 30},
                              {.kind = "spike", .action = "rolled back", .lost_seconds = 10}};
  facts.newest->step = 45;
  EXPECT_DOUBLE_EQ(summarise(facts, {}, 90000).lost_hours, (4 * 5 * 2.0 + 40) / 3600);
}

TEST(RunSummary, HoursInTheTableHaveTheirUnit) {
  RunFacts facts = stopped_run();
  EXPECT_NE(summary_table({summarise(facts, {}, 1400)}).find("0.11 CPU h  0.01 CPU h"), std::string::npos);
  facts.attempts[0].start.gpus = true;
  EXPECT_NE(summary_table({summarise(facts, {}, 1400)}).find("0.11 GPU h  0.01 GPU h"), std::string::npos);
}

TEST(RunSummary, AQueuedRunThatWasAskedToStopSaysSo) {
  RunFacts facts = stopped_run();
  facts.stop = slurm::Request{"alice", ""};
  EXPECT_EQ(summarise(facts, {{job("PENDING", "Priority")}}, 1400).note,
            "asked to stop by alice: will end as soon as it starts");
}

slurm::QueuedJob listed(const std::string& id, const std::string& name, const std::string& directory) {
  slurm::QueuedJob queued = job("PENDING", "Priority");
  queued.id = id;
  queued.name = name;
  queued.directory = directory;
  return queued;
}

TEST(RunSummary, AJobOfTheSameNameElsewhereIsAnotherRuns) {
  const RunFacts facts = stopped_run();
  EXPECT_EQ(summarise(facts, {{listed("9", "bible", "/other")}}, 1400).state, "stopped");
  EXPECT_EQ(summarise(facts, {{listed("9", "bible", "/work/runs/bible/deeper")}}, 1400).state, "stopped");
  EXPECT_EQ(summarise(facts, {{listed("9", "bible", "/wor")}}, 1400).state, "stopped");
  const RunSummary run = summarise(facts, {{listed("8", "bible", "/other"), listed("9", "bible", "/work")}}, 1400);
  EXPECT_EQ(run.state, "queued");
  EXPECT_EQ(run.job, "9");
}

TEST(RunSummary, AnotherClustersJobOfTheSameNumberIsAnotherJob) {
  RunFacts facts = stopped_run();
  facts.attempts[0].start.cluster = "beta";
  facts.lease_job = "7";
  facts.lease_cluster = "beta";
  EXPECT_EQ(summarise(facts, {{listed("7", "x", "/x")}, "alpha"}, 1400).state, "stopped");
  EXPECT_EQ(summarise(facts, {{listed("7", "x", "/x")}, "beta"}, 1400).state, "requeued");
  EXPECT_EQ(summarise(facts, {{listed("7", "x", "/x")}, ""}, 1400).state, "requeued") << "not known";
}

TEST(RunSummary, ATaskOfAnArrayThatWaitsIsShownByItsOwnNumber) {
  RunFacts facts;
  facts.path = "/work/runs/b";
  facts.submission.jobs = {"123_6"};
  const RunSummary run = summarise(facts, {{listed("123_[5-9%2]", "trireme", "/work")}}, 1400);
  EXPECT_EQ(run.state, "queued");
  EXPECT_EQ(run.job, "123_6");
  facts.submission.jobs = {"123_4"};
  EXPECT_EQ(summarise(facts, {{listed("123_[5-9%2]", "trireme", "/work")}}, 1400).state, "new");
}

TEST(RunSummary, APreemptedRunWasStopped) {
  RunFacts facts = stopped_run();
  facts.attempts[0].end.reason = "preempted";
  EXPECT_EQ(summarise(facts, {}, 1400).state, "stopped");
  EXPECT_EQ(summarise(facts, {}, 1400).note, "preempted");
}

TEST(MetricsTail, BeginsAndEndsWithinALine) {
  const auto facts = parse_metrics_tail(
      "0.5}\n{\"step\":3,\"loss\":2.0,\"seconds\":1.0}\n{\"step\":3,\"valid_loss\":9}\n"
      "{\"step\":4,\"loss\":1.5,\"seconds\":3.0}\n{\"step\":5,\"lo");
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->step, 4);
  EXPECT_EQ(facts->loss, 1.5);
  EXPECT_EQ(facts->seconds, 2.0);
  EXPECT_FALSE(parse_metrics_tail(""));
  EXPECT_FALSE(parse_metrics_tail("{\"step\":\"x\",\"loss\":1}\n[]\nno\n"));
}

TEST(RunSummary, NewestLossesAreDrawnWhereARunHasThem) {
  RunSummary with, without;
  with.name = "with";
  without.name = "without";
  with.note = "asked to save";
  EXPECT_EQ(summary_table({without}).find("newest losses"), std::string::npos);
  with.newest_losses = {3, 2, 1};
  const std::string table = summary_table({with, without});
  EXPECT_NE(table.find("newest losses  note\n"), std::string::npos) << table;
  EXPECT_NE(table.find("█▅▁  asked to save\n"), std::string::npos) << table;
}

}  // namespace
}  // namespace trireme::launcher
