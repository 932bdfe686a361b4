#include "slurm/queue/job_records.hpp"

#include <gmock/gmock.h>

#include <ctime>

#include "tests/slurm/site/samples.hpp"

namespace trireme::slurm {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

double local(int year, int month, int day, int hour, int minute) {
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_isdst = -1;
  return static_cast<double>(std::mktime(&parts));
}

TEST(JobRecords, ReadsEveryStartOfRequeuedJobsAndArrayTasks) {
  const auto jobs = parse_job_records(read_sample("21.08", "sacct"));
  ASSERT_EQ(jobs.size(), 6U);
  EXPECT_EQ(jobs[0].id, "1201");
  EXPECT_EQ(jobs[0].user, "mcurie");
  EXPECT_EQ(jobs[0].account, "physics");
  EXPECT_EQ(jobs[0].cluster, "lab");
  EXPECT_DOUBLE_EQ(jobs[0].eligible, local(2026, 11, 29, 8, 0));
  EXPECT_DOUBLE_EQ(jobs[0].started, local(2026, 11, 29, 8, 30));
  EXPECT_DOUBLE_EQ(jobs[0].ended, local(2026, 11, 29, 10, 30));
  EXPECT_EQ(jobs[0].cpus, 64);
  EXPECT_EQ(jobs[0].gpus, 8);
  EXPECT_EQ(jobs[1].id, "1201") << "its second start";
  EXPECT_DOUBLE_EQ(jobs[1].ended, 0) << "it runs";
  EXPECT_EQ(jobs[2].id, "1202_3");
  EXPECT_DOUBLE_EQ(jobs[3].started, 0) << "it waits";
  EXPECT_EQ(jobs[3].cpus, 0);
  EXPECT_DOUBLE_EQ(jobs[4].eligible, local(2026, 11, 28, 23, 59)) << "Eligible is Unknown: since its submission";
}

TEST(JobRecords, NewerVersionsListGpusByTypeToo) {
  for (const char* version : {"23.11", "24.05"}) {
    const auto jobs = parse_job_records(read_sample(version, "sacct"));
    ASSERT_EQ(jobs.size(), 3U) << version;
    EXPECT_EQ(jobs[0].gpus, 4) << version;
    EXPECT_EQ(jobs[1].gpus, 6) << version << ": listed by type only";
    EXPECT_EQ(jobs[2].user, "dmitri") << version << ": a job that was cancelled before it started";
    EXPECT_DOUBLE_EQ(jobs[2].started, 0);
  }
}

TEST(JobRecords, WhatARealSlurmPrinted) {
  const auto jobs = parse_job_records(read_sample("22.05", "sacct"));
  ASSERT_FALSE(jobs.empty());
  for (const JobRecord& job : jobs) {
    EXPECT_EQ(job.user, "root");
    EXPECT_GT(job.eligible, 0) << job.id;
  }
  EXPECT_THAT(jobs, Contains(testing::Field(&JobRecord::cpus, testing::Gt(0))));
}

TEST(JobRecords, SkipsWhatIsNoLine) {
  EXPECT_THAT(parse_job_records(""), IsEmpty());
  EXPECT_THAT(parse_job_records("sacct: error: no database\n1|2|3\n"), IsEmpty());
  EXPECT_THAT(parse_job_records("1|lab||physics|a|b|c|d|cpu=1\n"), IsEmpty()) << "nobody's";
  const auto odd = parse_job_records("1|lab|eve|x|9999999999|-1|2026-13-45T99:00:00|Unknown|cpu=-5,gres/gpu=1e9\n");
  ASSERT_EQ(odd.size(), 1U);
  EXPECT_DOUBLE_EQ(odd[0].eligible + odd[0].started + odd[0].ended, 0);
  EXPECT_EQ(odd[0].cpus, 0);
  EXPECT_EQ(odd[0].gpus, 0);
}

TEST(JobRecords, CountsGpusOnce) {
  EXPECT_EQ(allocated("billing=8,cpu=8,gres/gpu:a100=2,gres/gpu=2,mem=64G,node=1", "gres/gpu"), 2);
  EXPECT_EQ(allocated("cpu=8,gres/gpu:a100=2,gres/gpu:h100=1", "gres/gpu"), 3);
  EXPECT_EQ(allocated("cpu=8,gres/gpumem=80", "gres/gpu"), 0);
  EXPECT_EQ(allocated("", "cpu"), 0);
}

TEST(JobRecords, AsksOnceForAllStartsOfAllJobs) {
  const auto words = job_records_command(local(2026, 11, 1, 6, 5));
  for (const char* word : {"sacct", "--allusers", "--allocations", "--duplicates", "--parsable2"}) {
    EXPECT_THAT(words, Contains(word));
  }
  EXPECT_THAT(words, Contains("--starttime=2026-11-01T06:05:00"));
}

}  // namespace
}  // namespace trireme::slurm
