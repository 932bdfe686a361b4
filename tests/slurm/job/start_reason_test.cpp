#include "slurm/job/start_reason.hpp"

#include <gtest/gtest.h>

namespace trireme::slurm {
namespace {

std::vector<Attempt> before(const std::string& job, int restarts, bool ended, const std::string& reason) {
  Attempt attempt;
  attempt.number = 1;
  attempt.start.job_id = job;
  attempt.start.restart_count = restarts;
  attempt.ended = ended;
  attempt.end.reason = reason;
  return {attempt};
}

JobEnvironment job(const std::string& id, int restarts = 0, const std::string& dependency = "") {
  JobEnvironment environment;
  environment.job_id = id;
  environment.restart_count = restarts;
  environment.dependency = dependency;
  return environment;
}

TEST(StartReason, NamesTheWayBack) {
  EXPECT_EQ(start_reason({}, job("7", 2)), "first start");
  EXPECT_EQ(start_reason(before("7", 0, true, "failed: loss nan"), job("7")),
            "restarted in the allocation after a failure");
  EXPECT_EQ(start_reason(before("7", 0, true, "stopped by SIGTERM"), job("7", 1)),
            "requeued after it was stopped by SIGTERM");
  EXPECT_EQ(start_reason(before("7", 0, false, ""), job("7", 1)), "requeued after it was killed");
  EXPECT_EQ(start_reason(before("7", 0, true, "killed"), job("8")), "next job after it was killed");
  EXPECT_EQ(start_reason(before("7", 0, true, "stopped before the time limit"), job("8", 0, "afterany:7")),
            "next link of the chain after it was stopped before the time limit");
  EXPECT_EQ(start_reason(before("7", 0, true, "stopped to go on with 4 nodes"), job("8", 0, "afterany:7")),
            "next job after it was stopped to go on with 4 nodes");
  EXPECT_EQ(start_reason(before("7", 0, true, "done"), job("")), "resumed by hand after it was done");
}

TEST(StartReason, SaysThatSlurmPreempted) {
  EXPECT_EQ(start_reason(before("7", 0, true, "preempted"), job("7", 1)), "requeued after it was preempted");
  EXPECT_EQ(start_reason(before("7", 0, false, ""), job("7", 1), "preempted"), "requeued after it was preempted");
  EXPECT_EQ(start_reason(before("7", 0, false, ""), job("7", 1)), "requeued after it was killed");
}

TEST(StartReason, TheSameNumberOnAnotherClusterIsAnotherJob) {
  auto attempts = before("7", 0, true, "killed");
  attempts.back().start.cluster = "beta";
  JobEnvironment here = job("7", 1);
  here.cluster = "alpha";
  EXPECT_EQ(start_reason(attempts, here), "next job after it was killed");
  here.cluster = "beta";
  EXPECT_EQ(start_reason(attempts, here), "requeued after it was killed");
}

}  // namespace
}  // namespace trireme::slurm
