#include "slurm/job/preempted.hpp"

#include <gtest/gtest.h>

#include <latch>

namespace trireme::slurm {
namespace {

// As Slurm 22.05.8 prints them, shortened.
constexpr const char* kPreempting =
    "JobId=1 JobName=j JobState=RUNNING Reason=None Requeue=1 Restarts=0 StartTime=2026-11-29T20:52:52 "
    "PreemptEligibleTime=2026-11-29T20:52:52 PreemptTime=2026-11-29T20:52:54 SuspendTime=None\n";
constexpr const char* kRunning =
    "JobId=1 JobName=PreemptTimeT JobState=RUNNING Reason=None StartTime=2026-11-29T20:53:01 "
    "PreemptEligibleTime=2026-11-29T20:53:01 PreemptTime=None\n";

TEST(SaysPreempted, WhileTheGraceRunsAndAfterACancel) {
  EXPECT_TRUE(says_preempted(kPreempting));
  EXPECT_TRUE(says_preempted("JobId=2 JobState=PREEMPTED Reason=None\n"));
  EXPECT_FALSE(says_preempted(kRunning));
  EXPECT_FALSE(says_preempted(""));
}

TEST(StartWasPreempted, EachStartHasALine) {
  const std::string states = "PREEMPTED\nNODE_FAIL\nRUNNING\n";
  EXPECT_TRUE(start_was_preempted(states, 0));
  EXPECT_FALSE(start_was_preempted(states, 1));
  EXPECT_FALSE(start_was_preempted(states, 2));
  EXPECT_FALSE(start_was_preempted(states, 3));
}

JobEnvironment job(const std::string& id, int restarts) {
  JobEnvironment environment;
  environment.job_id = id;
  environment.restart_count = restarts;
  return environment;
}

TEST(WasPreempted, ARequeuedJobIsInTheAccounting) {
  AttemptStart attempt;
  attempt.job_id = "7";
  attempt.restart_count = 0;
  const RunCommand sacct = [](const std::vector<std::string>& words) -> std::optional<CommandResult> {
    EXPECT_EQ(words[0], "sacct") << "scontrol has forgotten it";
    return CommandResult{0, "PREEMPTED\nRUNNING\n", ""};
  };
  EXPECT_TRUE(was_preempted(sacct, attempt, job("7", 1), "alpha"));
  EXPECT_FALSE(was_preempted([](const auto&) { return std::nullopt; }, attempt, job("7", 1), "alpha"));
}

TEST(WasPreempted, AnotherJobStillHasItsState) {
  AttemptStart attempt;
  attempt.job_id = "7";
  const RunCommand scontrol = [](const std::vector<std::string>& words) -> std::optional<CommandResult> {
    EXPECT_EQ(words.back(), "7");
    return CommandResult{0, "JobId=7 JobState=PREEMPTED\n", ""};
  };
  EXPECT_TRUE(was_preempted(scontrol, attempt, job("8", 0), "alpha"));
}

TEST(WasPreempted, NobodyIsAskedAboutWhatSlurmHereDoesNotKnow) {
  const RunCommand nobody = [](const auto&) -> std::optional<CommandResult> {
    ADD_FAILURE() << "asked";
    return std::nullopt;
  };
  AttemptStart attempt;
  EXPECT_FALSE(was_preempted(nobody, attempt, job("8", 0), "alpha")) << "outside Slurm";
  attempt.job_id = "7";
  EXPECT_FALSE(was_preempted(nobody, attempt, job("7", 0), "alpha")) << "restarted in the allocation";
  attempt.cluster = "beta";
  EXPECT_FALSE(was_preempted(nobody, attempt, job("7", 1), "alpha")) << "another cluster's job";
}

TEST(PreemptionQuestion, IsAskedAsideAndNotWaitedForLonger) {
  using namespace std::chrono_literals;
  std::latch may_answer(1);
  const PreemptionQuestion question(
      [&](const auto&) {
        may_answer.wait();
        return CommandResult{0, kPreempting, ""};
      },
      "1");
  EXPECT_FALSE(question.answer(0ms)) << "none yet";
  may_answer.count_down();
  EXPECT_TRUE(question.answer(60s));
  const PreemptionQuestion other([](const auto&) { return CommandResult{0, kRunning, ""}; }, "1");
  EXPECT_FALSE(other.answer(60s));
}

TEST(PreemptionQuestion, IsAskedAgainAfterANoThatCameTooEarly) {
  int asked = 0;
  const PreemptionQuestion question(
      [&](const auto&) {
        return CommandResult{0, ++asked < 3 ? kRunning : kPreempting, ""};
      },
      "1");
  EXPECT_TRUE(question.answer(std::chrono::seconds(60)));
  EXPECT_EQ(asked, 3);
}

}  // namespace
}  // namespace trireme::slurm
