#include "slurm/queue/job_list.hpp"

#include <gtest/gtest.h>

#include "slurm/queue/pending_reason.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::slurm {
namespace {

// In squeue's format for "%i|%T|%r|%L|%j|%Z" as its manual describes the fields.
constexpr const char* kAnswer =
    "101|RUNNING|None|1-02:00:00|gpt|/home/a/work\n"
    "102_3|PENDING|Priority|12:00:00|sweep|/home/a/o|dd\n"
    "103|RUNNING|None|UNLIMITED|gpt|/home/a/work\n"
    "broken line\n"
    "|||||\n";

TEST(JobList, ReadsWhatSqueueSays) {
  const auto jobs = parse_job_list(kAnswer);
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[0].time_left, 26 * 3600.0);
  EXPECT_FALSE(jobs[0].pending());
  EXPECT_EQ(jobs[1].id, "102_3");
  EXPECT_EQ(jobs[1].reason, "Priority");
  EXPECT_EQ(jobs[1].directory, "/home/a/o|dd");
  EXPECT_TRUE(jobs[1].pending());
  EXPECT_EQ(jobs[2].time_left, -1);
  EXPECT_EQ(find_job(jobs, "103")->name, "gpt");
  EXPECT_EQ(find_job(jobs, "10"), nullptr);
}

TEST(JobList, AsksAgainOnlyWhenTheAnswerIsOld) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  int calls = 0;
  const RunCommand squeue = [&](const auto&) {
    ++calls;
    return CommandResult{0, kAnswer, ""};
  };
  const auto cache = directory.path() / "deep" / "squeue";
  EXPECT_EQ(my_jobs(files, squeue, cache, 1000)->size(), 3u);
  EXPECT_EQ(my_jobs(files, squeue, cache, 1029)->size(), 3u);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(my_jobs(files, squeue, cache, 1030)->size(), 3u);
  EXPECT_EQ(calls, 2);
  my_jobs(files, squeue, cache, 500);  // a cache from the future is of another clock
  EXPECT_EQ(calls, 3);
}

TEST(JobList, WithoutSlurmThereIsNothing) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  EXPECT_FALSE(my_jobs(
      files, [](const auto&) { return std::nullopt; }, directory.path() / "squeue", 1));
}

TEST(JobList, AnUnwritableCacheIsNoError) {
  base::PosixFileSystem files;
  const RunCommand squeue = [](const auto&) { return CommandResult{0, kAnswer, ""}; };
  EXPECT_EQ(my_jobs(files, squeue, "/proc/nowhere/squeue", 1)->size(), 3u);
}

TEST(PendingReason, IsExplainedInPlainWords) {
  EXPECT_EQ(explain_reason("Priority", false), "other jobs go first");
  EXPECT_EQ(explain_reason("(Resources)", false), "next in line, until enough nodes are free");
  EXPECT_NE(explain_reason("BeginTime", true), explain_reason("BeginTime", false));
  EXPECT_EQ(explain_reason("QOSMaxJobsPerUserLimit", false), explain_reason("QOSMaxJobs", false));
  EXPECT_NE(explain_reason("QOSMaxCpuPerUserLimit", false), explain_reason("QOSMaxJobs", false));
  EXPECT_EQ(explain_reason("AssocGrpGRES", false), "your account's share is used up by all its users together");
  EXPECT_NE(explain_reason("DependencyNeverSatisfied", false), explain_reason("Dependency", false));
  EXPECT_EQ(explain_reason("ReqNodeNotAvail, UnavailableNodes:n7", false),
            "nodes that it asks for are down, drained or reserved");
  EXPECT_EQ(explain_reason("SomethingNew", false), "SomethingNew");
  EXPECT_EQ(explain_reason("None", false), "");
}

}  // namespace
}  // namespace trireme::slurm
