#include "slurm/queue/queue.hpp"

#include <gtest/gtest.h>

namespace trireme::slurm {
namespace {

TEST(IsRunning, KnowsTheStatesInWhichAJobMayStillWrite) {
  EXPECT_TRUE(is_running("RUNNING\n"));
  EXPECT_TRUE(is_running("COMPLETING\n"));
  EXPECT_TRUE(is_running("PENDING\nRUNNING\n"));
  EXPECT_FALSE(is_running("PENDING\n"));
  EXPECT_FALSE(is_running(""));
}

TEST(JobIsRunning, AsksSqueueForTheOneJob) {
  std::vector<std::string> asked;
  const auto squeue = [&](const std::vector<std::string>& words) {
    asked = words;
    return CommandResult{0, "RUNNING\n", ""};
  };
  EXPECT_EQ(job_is_running(squeue, "12_3"), true);
  EXPECT_EQ(asked.back(), "--jobs=12_3");
  asked.resize(4);
  EXPECT_EQ(asked, (std::vector<std::string>{"env", "-u", "SLURM_CLUSTERS", "squeue"})) << "another cluster's job 12_3";
}

TEST(JobIsRunning, IsUnknownWhenSqueueFailsOrIsMissing) {
  EXPECT_EQ(job_is_running([](const auto&) { return CommandResult{1, "", "no controller"}; }, "12"), std::nullopt);
  EXPECT_EQ(job_is_running([](const auto&) { return std::nullopt; }, "12"), std::nullopt);
}

TEST(ClusterName, IsTheJobsOrThatOfTheConfiguration) {
  const RunCommand scontrol = [](const std::vector<std::string>& words) {
    EXPECT_EQ(words, (std::vector<std::string>{"env", "-u", "SLURM_CLUSTERS", "scontrol", "show", "config"}));
    return CommandResult{0, "Configuration data as of 2026-11-29\nClusterName             = alpha\nX = y\n", ""};
  };
  EXPECT_EQ(cluster_name(scontrol, ""), "alpha");
  EXPECT_EQ(cluster_name(scontrol, "beta"), "beta");
  EXPECT_EQ(cluster_name([](const auto&) { return std::nullopt; }, ""), "");
}

}  // namespace
}  // namespace trireme::slurm
