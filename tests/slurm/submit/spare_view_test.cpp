#include "slurm/submit/spare_view.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <ctime>

namespace trireme::slurm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kForever = std::numeric_limits<double>::infinity();

// 2026-11-30T12:00:00, local time.
double noon() {
  std::tm parts{};
  parts.tm_year = 126;
  parts.tm_mon = 10;
  parts.tm_mday = 30;
  parts.tm_hour = 12;
  parts.tm_isdst = -1;
  return static_cast<double>(std::mktime(&parts));
}

SpareView view_of(const std::string& sinfo, const std::string& squeue) {
  return parse_spare_view(sinfo, squeue, noon());
}

// As 21.08 prints it: states in words with a mark for what is the matter.
constexpr const char* kSinfo2108 =
    "low|idle|n[1-3]\n"
    "low|mixed|n4\n"
    "low|allocated|n[5-6]\n"
    "low|down*|n7\n"
    "low|drained|n8\n"
    "low|idle~|n9\n"
    "high|idle|n[1-3]\n"
    "high|allocated|n[5-6]\n"
    "gpu|idle|g1\n";
// As 23.11 and 24.05 do: nodes that backfill has plans for are planned, or idle with a mark.
constexpr const char* kSinfo2405 =
    "low|planned|n1\n"
    "low|idle-|n2\n"
    "low|allocated+|n3\n"
    "low|reserved|n4\n"
    "low|maint|n5\n"
    "low|inval|n6\n";

constexpr const char* kSqueue =
    "101|ada|low|RUNNING|1|30:00|1:00:00|2026-11-30T11:30:00|normal|0|n4|None\n"
    "102|bob|high|RUNNING|2|1-00:00:00|2-00:00:00|2026-11-29T12:00:00|normal|0|n[5-6]|None\n"
    "103|bob|high|PENDING|4|2:00:00|2:00:00|2026-11-30T12:30:00|normal|0||Resources\n"
    "104|eve|low,high|PENDING|2|10:00|10:00|N/A|normal|0||Priority\n"
    "105_[5-9%2]|eve|low|PENDING|3|10:00|10:00|N/A|normal|0||Dependency\n"
    "106|eve|gpu|PENDING|1|UNLIMITED|UNLIMITED|2026-11-30T12:00:00|normal|0||Priority\n"
    "107|ada|low|RUNNING|1|INVALID|5:00|2026-11-30T11:30:00|spare|0|n7|odd | reason\n"
    "not a line\n\n";

TEST(SpareView, ReadsNodesAndWhatIsTheMatterWithThem) {
  const SpareView old = view_of(kSinfo2108, "");
  EXPECT_THAT(old.partitions.at("low"), ElementsAre("n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"));
  EXPECT_THAT(old.unusable, ElementsAre("n7", "n8", "n9"));
  const SpareView recent = view_of(kSinfo2405, "");
  EXPECT_THAT(recent.unusable, ElementsAre("n4", "n5", "n6"));
  EXPECT_THAT(view_of("", "").partitions, IsEmpty());
  EXPECT_THAT(view_of("sinfo: error: nobody there\n", "").partitions, IsEmpty());
}

TEST(SpareView, ReadsJobs) {
  const SpareView view = view_of(kSinfo2108, kSqueue);
  ASSERT_EQ(view.jobs.size(), 7U);
  EXPECT_THAT(view.jobs[1].hosts, ElementsAre("n5", "n6"));
  EXPECT_DOUBLE_EQ(view.jobs[0].seconds, 1800);
  EXPECT_DOUBLE_EQ(view.jobs[2].start, 1800);
  EXPECT_DOUBLE_EQ(view.jobs[2].seconds, 7200);
  EXPECT_TRUE(view.jobs[2].next && view.jobs[2].waits_for_nodes);
  EXPECT_THAT(view.jobs[3].partitions, ElementsAre("low", "high"));
  EXPECT_EQ(view.jobs[3].start, kForever);
  EXPECT_FALSE(view.jobs[3].next);
  EXPECT_FALSE(view.jobs[4].waits_for_nodes) << "it waits for another job";
  EXPECT_EQ(view.jobs[4].nodes, 6) << "two of its tasks may run together";
  EXPECT_EQ(view.jobs[6].seconds, kForever) << "nobody knows when one ends that is over its time";
  EXPECT_FALSE(view.jobs[6].waits);
}

TEST(SpareView, HugeNumbersAreBounded) {
  const SpareView view = view_of(kSinfo2108,
                                 "1_[0-99999999999999]|eve|low|PENDING|99999999999|1|1|N/A|normal|0||Resources\n"
                                 "2|eve|low|PENDING|-5|1|1|N/A|normal|0||Resources\n");
  EXPECT_EQ(view.jobs.at(0).nodes, 1'000'000);
  EXPECT_EQ(view.jobs.at(1).nodes, 0);
  EXPECT_THAT(holes(view, "low"), testing::Each(kForever)) << "it never fits";
}

TEST(Holes, LastUntilAJobThatWaitsIsExpectedToStart) {
  // Three nodes idle, one free in 30 minutes, and then a job of four.
  EXPECT_THAT(holes(view_of(kSinfo2108, kSqueue), "low"), ElementsAre(1800, 1800, 1800));
  EXPECT_EQ(holes(view_of(kSinfo2108, ""), "low").size(), 3U) << "jobs that squeue does not show have the others";
  EXPECT_THAT(holes(view_of(kSinfo2108, kSqueue), "gpu"), IsEmpty()) << "somebody is about to take it";
  EXPECT_THAT(holes(view_of(kSinfo2108, kSqueue), "none"), IsEmpty());
}

TEST(Holes, OfSmallerSizesMayLastLonger) {
  const SpareView view = view_of("p|idle|n[1-4]\n", "1|a|p|PENDING|3|10:00|10:00|2026-11-30T12:10:00|q|0||Priority\n");
  EXPECT_THAT(holes(view, "p"), ElementsAre(kForever, 600, 600, 600));
}

TEST(Holes, TheNextInLineTakesNodesAsSoonAsThereAreEnough) {
  const std::string running = "1|a|p|RUNNING|1|1:00|1:00|2026-11-30T11:00:00|q|0|n4|None\n";
  const std::string next = "2|a|p|PENDING|4|10:00|10:00|N/A|q|0||Resources\n";
  EXPECT_THAT(holes(view_of("p|idle|n[1-3]\np|allocated|n4\n", running + next), "p"), ElementsAre(60, 60, 60));
  const std::string last = "2|a|p|PENDING|4|10:00|10:00|N/A|q|0||Priority\n";
  EXPECT_THAT(holes(view_of("p|idle|n[1-3]\np|allocated|n4\n", running + last), "p").front(), kForever);
}

TEST(Holes, OwnNodesAreFreeAndNeededByWhoWaitsForTheirEnd) {
  const std::string nodes = "p|idle|n1\np|allocated|n[2-4]\n";
  const std::string own = "9|me|p|RUNNING|3|1:00:00|1:00:00|2026-11-30T11:59:00|q|0|n[2-4]|None\n";
  EXPECT_THAT(holes(view_of(nodes, own), "p", "9"), ElementsAre(kForever, kForever, kForever, kForever));
  EXPECT_THAT(holes(view_of(nodes, own), "p"), ElementsAre(kForever));
  // Backfill expects it to start when we end: without us it could start now, on two nodes.
  const std::string waits = "10|a|p|PENDING|2|10:00|10:00|2026-11-30T13:00:30|q|0||Priority\n";
  EXPECT_THAT(holes(view_of(nodes, own + waits), "p", "9"), ElementsAre(kForever, kForever));
  // One that is expected much later waits for somebody else.
  const std::string later = "10|a|p|PENDING|2|10:00|10:00|2026-11-30T15:00:00|q|0||Priority\n";
  EXPECT_THAT(holes(view_of(nodes, own + later), "p", "9"), ElementsAre(kForever, kForever, 10800, 10800));
}

TEST(Holes, SharedNodesAreFreeWhenTheLastJobEnds) {
  const SpareView view = view_of("p|mixed|n1\np|idle|n2\n",
                                 "1|a|p|RUNNING|1|1:00|1:00|2026-11-30T11:00:00|q|0|n1|None\n"
                                 "2|a|p|RUNNING|1|5:00|5:00|2026-11-30T11:00:00|q|0|n1|None\n"
                                 "3|a|p|PENDING|2|5:00|5:00|N/A|q|0||Resources\n");
  EXPECT_THAT(holes(view, "p"), ElementsAre(300));
}

// Recorded from a real Slurm 22.05.8: job 4 runs, 5 waits for both nodes, the others wait behind it.
TEST(Holes, OfARealCluster) {
  const SpareView view = view_of("low|planned|n2\nlow|allocated|n1\nhigh|planned|n2\nhigh|allocated|n1\n",
                                 "5|root|low|PENDING|2|1:00:00|1:00:00|2026-11-30T12:09:25|normal|0||Resources\n"
                                 "6|root|low|PENDING|1|2:00:00|2:00:00|2026-11-30T13:09:25|normal|0||Priority\n"
                                 "7_[0-3%2]|root|low|PENDING|1|2:00:00|2:00:00|2026-11-30T17:09:25|normal|0||Priority\n"
                                 "4|root|low|RUNNING|1|9:25|10:00|2026-11-30T11:59:25|normal|0|n1|None\n");
  EXPECT_THAT(holes(view, "low"), ElementsAre(565));
  EXPECT_THAT(holes(view, "high"), ElementsAre(565)) << "the same nodes";
}

TEST(NodesOf, AUsersJobsThatRunAndWait) {
  const SpareView view = view_of(kSinfo2108, kSqueue);
  EXPECT_EQ(nodes_of(view, "ada", "low"), 2);
  EXPECT_EQ(nodes_of(view, "ada", "low", "101"), 1);
  EXPECT_EQ(nodes_of(view, "eve", "low"), 8);
  EXPECT_EQ(nodes_of(view, "eve", "high"), 2);
}

TEST(SchedulerSeconds, AreThoseBetweenTwoRoundsOfBackfill) {
  EXPECT_EQ(scheduler_seconds(""), 35);
  EXPECT_EQ(scheduler_seconds("SchedulerParameters     = sched_interval=1,bf_interval=60,bf_window=1\n"), 65);
}

TEST(HidesJobs, WhereOthersJobsArePrivate) {
  EXPECT_TRUE(hides_jobs("PriorityType = priority/basic\nPrivateData             = accounts,jobs,usage\n"));
  EXPECT_FALSE(hides_jobs("PrivateData             = none\n"));
  EXPECT_FALSE(hides_jobs(""));
}

TEST(ClaimsOn, AreThoseOfJobsThatCouldUseItsNodesAndStandInFrontOfIt) {
  SpareView view = view_of("low|allocated|n[1-2]\nhigh|allocated|n2\nall|allocated|n[1-3]\n",
                           "1|me|low|RUNNING|1|30:00|1:00:00|2026-11-30T11:30:00|q|10000|n1|None\n"
                           "2|a|high|PENDING|1|10:00|10:00|N/A|q|0||Resources\n"
                           "3|a|all|PENDING|1|10:00|10:00|N/A|q|0||Priority\n"
                           "4|b|low|PENDING|1|10:00|10:00|N/A|q|10000||Priority\n"
                           "5|c|high|RUNNING|1|30:00|1:00:00|2026-11-30T11:30:00|q|0|n2|None\n");
  EXPECT_EQ(view.jobs[3].nice, 10000);
  std::vector<std::string> left;
  for (const SpareJob& job : claims_on(view, view.jobs[0]).jobs) left.push_back(job.id);
  EXPECT_THAT(left, ElementsAre("1", "3", "5"));
}

TEST(OthersWait, DoesNotCountSpareJobs) {
  const SpareView view = view_of("low|idle|n1\n", "4|b|low|PENDING|1|10:00|10:00|N/A|q|10000||Priority\n");
  EXPECT_FALSE(others_wait(view, "low", "2"));
}

TEST(OthersWait, CountsWhoWaitsForNodesThatThePartitionHas) {
  SpareView view;
  view.partitions = {{"low", {"a", "b"}}, {"high", {"b"}}, {"far", {"c"}}};
  const auto with = [&](const char* partition, bool for_nodes) {
    view.jobs = {{.id = "1", .partitions = {partition}, .nodes = 1, .waits = true, .waits_for_nodes = for_nodes}};
    return others_wait(view, "low", "2");
  };
  EXPECT_TRUE(with("high", true));
  EXPECT_TRUE(with("low", true));
  EXPECT_FALSE(with("far", true));
  EXPECT_FALSE(with("low", false)) << "for another job's end, or a limit";
  with("low", true);
  EXPECT_FALSE(others_wait(view, "low", "1")) << "it is the job itself";
}

}  // namespace
}  // namespace trireme::slurm
