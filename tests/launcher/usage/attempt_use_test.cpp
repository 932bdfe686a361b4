#include "launcher/usage/attempt_use.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace trireme::launcher {
namespace {

constexpr double kNow = 1'800'000'000;
constexpr double kStart = kNow - 100'000;

// Four ranks, 10 s of start-up, then 90 s until its end.
slurm::Attempt attempt(int number, double time, const std::string& job = "7", int restart_count = 0) {
  slurm::Attempt made;
  made.number = number;
  made.start.job_id = job;
  made.start.restart_count = restart_count;
  made.start.ranks = 4;
  made.start.time = time;
  made.start.start_up_seconds = 10;
  made.ended = true;
  made.end.reason = "stopped by SIGTERM";
  made.end.device_seconds = 400;
  made.end.lost_seconds = 60;
  made.end.stalled_seconds = 3;
  made.end.time = time + 90;
  return made;
}

RunFacts run_of(std::vector<slurm::Attempt> attempts) {
  RunFacts run;
  run.path = "/work/runs/bible";
  run.attempts = std::move(attempts);
  return run;
}

TEST(AttemptUse, WhatWasLostIsDividedByItsCause) {
  const RunUse use = use_of(run_of({attempt(1, kStart)}), kNow);
  ASSERT_EQ(use.attempts.size(), 1U);
  const AttemptUse& one = use.attempts[0];
  EXPECT_DOUBLE_EQ(one.span.begin, kStart - 10);
  EXPECT_DOUBLE_EQ(one.span.end, kStart + 90);
  EXPECT_DOUBLE_EQ(one.time.used, 400);
  EXPECT_DOUBLE_EQ(one.time.starting, 40);
  EXPECT_DOUBLE_EQ(one.time.unsaved, 20);
  EXPECT_DOUBLE_EQ(one.time.saving, 12);
}

TEST(AttemptUse, LedgersOfEarlierVersionsKnowTheLastSavesStall) {
  slurm::Attempt old = attempt(1, kStart);
  old.end.stalled_seconds = 0;
  old.end.save_stall_seconds = 2;
  EXPECT_DOUBLE_EQ(use_of(run_of({old}), kNow).attempts[0].time.saving, 8);
}

TEST(AttemptUse, LossesAreNeverMoreThanWasUsed) {
  slurm::Attempt odd = attempt(1, kStart);
  odd.end.lost_seconds = 399;
  odd.end.stalled_seconds = 50;
  const DeviceTime time = use_of(run_of({odd}), kNow).attempts[0].time;
  EXPECT_DOUBLE_EQ(time.starting + time.unsaved + time.saving, time.used);
}

TEST(AttemptUse, ARequeuedJobWaitedSinceTheEndBefore) {
  const RunFacts run = run_of({attempt(1, kStart), attempt(2, kStart + 1000, "7", 1), attempt(3, kStart + 1200, "7", 1),
                               attempt(4, kStart + 9000, "8")});
  const RunUse use = use_of(run, kNow);
  ASSERT_EQ(use.attempts.size(), 4U);
  EXPECT_FALSE(use.attempts[0].waited) << "nobody knows when it was submitted";
  ASSERT_TRUE(use.attempts[1].waited);
  EXPECT_DOUBLE_EQ(use.attempts[1].waited->seconds(), 900);
  EXPECT_FALSE(use.attempts[2].waited) << "restarted in its allocation";
  EXPECT_FALSE(use.attempts[3].waited) << "another job, of which nobody knows when it was submitted";
}

TEST(AttemptUse, JobsOfTheLastSubmissionWaitedSinceIt) {
  RunFacts run = run_of({attempt(1, kStart, "7"), attempt(2, kStart + 1000, "8")});
  run.submission.jobs = {"7", "8"};
  run.submission.time = kStart - 210;
  const RunUse use = use_of(run, kNow);
  ASSERT_TRUE(use.attempts[0].waited && use.attempts[1].waited);
  EXPECT_DOUBLE_EQ(use.attempts[0].waited->seconds(), 200);
  EXPECT_DOUBLE_EQ(use.attempts[1].waited->seconds(), 900) << "a link of a chain: since the end of the one before";
}

TEST(AttemptUse, AnAttemptWithoutEndCountsAsFarAsItWasSeen) {
  slurm::Attempt open = attempt(2, kNow - 500);
  open.ended = false;
  open.end = {};
  RunFacts run = run_of({attempt(1, kStart), open});
  run.alive = true;
  EXPECT_DOUBLE_EQ(use_of(run, kNow).attempts[1].time.used, 4 * 510);
  run.alive = false;
  run.newest = StepFacts{40, 2.5, 2.0, 500, kNow - 300};
  run.saved_step = 35;
  const AttemptUse seen = use_of(run, kNow).attempts[1];
  EXPECT_DOUBLE_EQ(seen.time.used, 4 * 210);
  EXPECT_DOUBLE_EQ(seen.time.starting, 40);
  EXPECT_DOUBLE_EQ(seen.time.unsaved, 4 * 5 * 2.0);
  EXPECT_DOUBLE_EQ(seen.span.end, kNow - 300);
}

TEST(AttemptUse, AnOlderAttemptWithoutEndIsNotSeenByLaterMetrics) {
  slurm::Attempt open = attempt(1, kStart);
  open.ended = false;
  open.end = {};
  RunFacts run = run_of({open, attempt(2, kNow - 500)});
  run.newest = StepFacts{40, 2.5, 2.0, 500, kNow - 410};
  EXPECT_DOUBLE_EQ(use_of(run, kNow).attempts[0].time.used, 40);
}

TEST(AttemptUse, ImpossibleNumbersAreLeftOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  std::vector<slurm::Attempt> attempts;
  const auto spoilt = [&](auto spoil) {
    attempts.push_back(attempt(static_cast<int>(attempts.size()) + 1, kStart));
    spoil(attempts.back());
  };
  spoilt([](auto& a) { a.end.device_seconds = 1e300; });
  spoilt([](auto& a) { a.end.device_seconds = -1; });
  spoilt([&](auto& a) { a.end.device_seconds = nan; });
  spoilt([](auto& a) { a.end.lost_seconds = -5; });
  spoilt([&](auto& a) { a.end.stalled_seconds = nan; });
  spoilt([](auto& a) { a.end.time = 1e300; });
  spoilt([&](auto& a) { a.end.time = nan; });
  spoilt([](auto& a) { a.end.time = 0; });
  spoilt([](auto& a) { a.start.time = kNow + 1e6; });
  spoilt([](auto& a) { a.start.time = -1; });
  spoilt([&](auto& a) { a.start.start_up_seconds = nan; });
  spoilt([](auto& a) { a.start.ranks = 0; });
  spoilt([](auto& a) { a.start.ranks = 2'000'000'000; });
  spoilt([](auto&) {});
  const RunUse use = use_of(run_of(attempts), kNow);
  EXPECT_EQ(use.impossible, attempts.size() - 1);
  ASSERT_EQ(use.attempts.size(), 1U);
  EXPECT_DOUBLE_EQ(use.attempts[0].time.used, 400);
}

}  // namespace
}  // namespace trireme::launcher
