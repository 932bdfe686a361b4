#include "slurm/queue/job_list.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>

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
  EXPECT_EQ(jobs[0].left, "1-02:00:00");
  EXPECT_FALSE(jobs[0].pending());
  EXPECT_EQ(jobs[1].id, "102_3");
  EXPECT_EQ(jobs[1].reason, "Priority");
  EXPECT_EQ(jobs[1].directory, "/home/a/o|dd");
  EXPECT_TRUE(jobs[1].pending());
  EXPECT_EQ(jobs[2].left, "UNLIMITED");
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
  EXPECT_EQ(my_jobs(files, squeue, cache, "alpha", 1000)->jobs.size(), 3u);
  EXPECT_NEAR(my_jobs(files, squeue, cache, "alpha", 1059)->asked, 1000, 0.9);
  EXPECT_EQ(calls, 1);
  EXPECT_NEAR(my_jobs(files, squeue, cache, "alpha", 1061)->asked, 1061, 0.9);
  EXPECT_EQ(calls, 2);
  my_jobs(files, squeue, cache, "alpha", 1055);  // a node whose clock is 5 s behind
  EXPECT_EQ(calls, 2);
  my_jobs(files, squeue, cache, "alpha", 500);  // a cache from the future is of another clock
  EXPECT_EQ(calls, 3);
  my_jobs(files, squeue, cache, "alpha", 700, 300);
  EXPECT_EQ(calls, 3) << "the site's interval";
}

TEST(JobList, FindsATaskAmongThoseThatWaitTogether) {
  for (const char* listed : {"123_[5-9%2]", "123_[7]", "123_[1,3,7]", "123_[1-3,5-9:2]", "123_[1,2,...]", "123_7"}) {
    EXPECT_TRUE(stands_for(listed, "123_7")) << listed;
  }
  for (const char* listed : {"123_[8-9%7]", "123_[1-6]", "123_[6-9:2]", "12_[5-9]", "1234_[5-9]", "123", "123_",
                             "123_[", "123_[]", "123_[a-z]", "123_[5-9:0]", "123_77"}) {
    EXPECT_FALSE(stands_for(listed, "123_7")) << listed;
  }
  EXPECT_FALSE(stands_for("123_[5-9]", "123"));
  EXPECT_FALSE(stands_for("123_[5-9]", "123_"));
  const auto jobs =
      parse_job_list("123_4|RUNNING|None|1:00|trireme|/a\n123_[5-9%2]|PENDING|Priority|1:00|trireme|/a\n");
  EXPECT_EQ(find_job(jobs, "123_8")->state, "PENDING");
  EXPECT_EQ(find_job(jobs, "123_4")->state, "RUNNING");
}

TEST(JobList, LearnsTheClustersNameOnce) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  int names = 0;
  const RunCommand slurm = [&](const std::vector<std::string>& words) {
    if (words[0] == "squeue") return CommandResult{0, kAnswer, ""};
    ++names;
    return CommandResult{0, "ClusterName = beta\n", ""};
  };
  EXPECT_EQ(my_jobs(files, slurm, directory.path() / "squeue", "", 1000)->cluster, "beta");
  EXPECT_EQ(my_jobs(files, slurm, directory.path() / "squeue", "", 1030)->cluster, "beta");
  EXPECT_EQ(my_jobs(files, slurm, directory.path() / "squeue", "", 2000)->cluster, "beta");
  EXPECT_EQ(names, 1);
}

TEST(JobList, OfManyThatAskAtOnceOneAsksTheQueue) {
  tests::TemporaryDirectory directory;
  std::atomic<int> calls = 0;
  std::latch all(8);
  const RunCommand squeue = [&](const auto&) {
    ++calls;
    return CommandResult{0, kAnswer, ""};
  };
  std::vector<std::jthread> runs;
  for (int i = 0; i < 8; ++i) {
    runs.emplace_back([&] {
      base::PosixFileSystem files;
      all.arrive_and_wait();
      EXPECT_EQ(my_jobs(files, squeue, directory.path() / "squeue", "alpha", 1000)->jobs.size(), 3u);
    });
  }
  runs.clear();
  EXPECT_EQ(calls, 1);
}

TEST(JobList, AFailureIsKeptToo) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  int calls = 0;
  const RunCommand squeue = [&](const auto&) {
    ++calls;
    return CommandResult{1, "", "Unable to contact slurm controller"};
  };
  EXPECT_FALSE(my_jobs(files, squeue, directory.path() / "squeue", "alpha", 1000));
  EXPECT_FALSE(my_jobs(files, squeue, directory.path() / "squeue", "alpha", 1030));
  EXPECT_EQ(calls, 1);
}

TEST(JobList, AnswersOfClustersThatAreGoneAreRemovedAfterADay) {
  constexpr double kDay = 86400;
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  const RunCommand squeue = [](const auto&) { return CommandResult{0, kAnswer, ""}; };
  const auto ask = [&](const char* name, double now) { my_jobs(files, squeue, directory.path() / name, name, now); };
  ask("squeue.gone", 1000);
  ask("squeue.used", 1000 + kDay / 2);
  files.replace(directory.path() / "squeue.torn", "no time\n");  // of no time: older than any
  files.replace(directory.path() / "notes", "1.0 x\n");
  ask("squeue.here", 900 + kDay);
  EXPECT_TRUE(files.exists(directory.path() / "squeue.gone"));
  ask("squeue.here", 1001 + kDay);
  EXPECT_EQ(files.list(directory.path()),
            (std::vector<std::string>{"notes", "squeue.here", "squeue.here.lock", "squeue.used", "squeue.used.lock"}));
}

TEST(JobList, HasAFileForEachQueue) {
  EXPECT_EQ(job_list_name("alpha", "n1", "/etc/slurm.conf"), "squeue.alpha");
  EXPECT_NE(job_list_name("", "n1", ""), job_list_name("", "n2", ""));
  EXPECT_NE(job_list_name("", "n1", "/a/slurm.conf"), job_list_name("", "n1", "/b/slurm.conf"));
  EXPECT_NE(job_list_name("n1", "n1", ""), job_list_name("", "n1", "")) << "a cluster named like a host";
  EXPECT_EQ(job_list_name("../x", "n1", "").find('/'), std::string::npos);
}

TEST(JobList, WithoutSlurmThereIsNothing) {
  tests::TemporaryDirectory directory;
  base::PosixFileSystem files;
  EXPECT_FALSE(my_jobs(
      files, [](const auto&) { return std::nullopt; }, directory.path() / "squeue", "alpha", 1));
}

TEST(JobList, AnUnwritableCacheIsNoError) {
  base::PosixFileSystem files;
  const RunCommand squeue = [](const auto&) { return CommandResult{0, kAnswer, ""}; };
  EXPECT_EQ(my_jobs(files, squeue, "/proc/nowhere/squeue", "alpha", 1)->jobs.size(), 3u);
  EXPECT_EQ(my_jobs(files, squeue, "", "alpha", 1)->jobs.size(), 3u);
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
  EXPECT_EQ(explain_reason("job requeued in held state", true), "held: scontrol release starts it");
  for (const char* reason :
       {"JobHeldUser", "JobHeldAdmin", "job requeued in held state", "launch failed requeued held"}) {
    EXPECT_TRUE(is_held(reason)) << reason;
  }
  EXPECT_FALSE(is_held("BeginTime"));
}

}  // namespace
}  // namespace trireme::slurm
