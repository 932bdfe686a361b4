#include "launcher/usage/usage_report.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

constexpr Span kWindow{1000, 2000};

AttemptUse use(double begin, double end, double used, const std::string& job = "") {
  AttemptUse made;
  made.span = {begin, end};
  made.time = {used, used / 10, used / 20, used / 40};
  made.job = job;
  return made;
}

RunRecord run(std::uint32_t owner, std::vector<AttemptUse> attempts, bool gpus = false) {
  RunRecord made;
  made.owner = owner;
  made.folder = "vision";
  made.use.attempts = std::move(attempts);
  made.gpus = gpus;
  return made;
}

std::string name_of(std::uint32_t id) { return id == 1 ? "ada" : id == 2 ? "bob" : "user " + std::to_string(id); }

UsageReport report_of(std::vector<RunRecord> runs, const Accounting& accounting = {}) {
  name_records(runs, accounting, name_of);
  return usage_report(runs, {}, accounting, kWindow);
}

TEST(UsageReport, AnAttemptThatTheWindowCutsCountsInProportion) {
  const UsageReport report = report_of({run(1, {use(500, 1500, 800), use(1600, 1700, 100), use(100, 900, 5000)})});
  ASSERT_EQ(report.people.size(), 1U);
  EXPECT_EQ(report.people[0].name, "ada");
  EXPECT_EQ(report.people[0].attempts, 2U);
  EXPECT_DOUBLE_EQ(report.people[0].time.used, 500);
  EXPECT_DOUBLE_EQ(report.people[0].time.unsaved, 50);
  EXPECT_DOUBLE_EQ(report.people[0].time.starting, 25);
  EXPECT_DOUBLE_EQ(report.people[0].time.saving, 12.5);
}

TEST(UsageReport, GpuHoursAndCpuHoursAreNeverAddedUp) {
  const UsageReport report =
      report_of({run(1, {use(1100, 1200, 50)}), run(1, {use(1100, 1200, 70)}, true), run(2, {use(1100, 1200, 60)})});
  ASSERT_EQ(report.people.size(), 3U);
  EXPECT_TRUE(report.people[0].gpus);
  EXPECT_DOUBLE_EQ(report.people[0].time.used, 70);
  EXPECT_EQ(report.people[1].name, "bob") << "the most hours first";
  EXPECT_DOUBLE_EQ(report.people[2].time.used, 50);
}

TEST(UsageReport, DiskIsThatOfNowWheneverTheRunRan) {
  RunRecord old = run(1, {use(100, 200, 50)});
  old.checkpoints = 2;
  old.checkpoint_bytes = 4096;
  const UsageReport report = report_of({old, run(2, {use(100, 200, 50)})});
  ASSERT_EQ(report.people.size(), 1U) << "whoever neither ran nor holds anything has no line";
  EXPECT_EQ(report.people[0].runs, 0U);
  EXPECT_EQ(report.people[0].checkpoint_bytes, 4096U);
  EXPECT_TRUE(report.top.empty());
}

TEST(UsageReport, ProjectsAreAccountsAsSacctSaysElseAsTheRunFileElseFolders) {
  RunRecord by_sacct = run(1, {use(1100, 1200, 10, "7")}), by_file = run(1, {use(1100, 1200, 20)});
  by_sacct.account = by_file.account = "chem";
  Accounting accounting;
  accounting.jobs = {{"7", "lab", "ada", "physics", 1000, 1100, 1200, 4, 0}};
  const UsageReport report = report_of({by_sacct, by_file, run(1, {use(1100, 1200, 30)})}, accounting);
  ASSERT_EQ(report.projects.size(), 3U);
  EXPECT_EQ(report.projects[0].name, "vision/");
  EXPECT_EQ(report.projects[1].name, "chem");
  EXPECT_EQ(report.projects[2].name, "physics");
}

TEST(UsageReport, WaitsAreSacctsWhereItKnowsTheJobElseTheLedgers) {
  AttemptUse known = use(1300, 1400, 10, "7"), again = use(1500, 1600, 10, "7"), other = use(1700, 1800, 10, "8");
  known.waited = Span{1290, 1300};
  again.waited = Span{1400, 1500};
  other.waited = Span{900, 1700};
  Accounting accounting;
  accounting.jobs = {{"7", "lab", "ada", "x", 1200, 1295, 1400, 4, 0}, {"7", "lab", "ada", "x", 1430, 1490, 0, 4, 0}};
  const Waits waits = report_of({run(1, {known, again, other})}, accounting).people[0].waits;
  EXPECT_EQ(waits.starts, 3U);
  EXPECT_DOUBLE_EQ(waits.seconds, 95 + 60 + 700) << "the last one as far as it lies in the window";
}

TEST(UsageReport, AnotherClustersJobOfTheSameNumberIsNotThisOne) {
  AttemptUse here = use(1300, 1400, 10, "7");
  here.cluster = "lab";
  Accounting accounting;
  accounting.jobs = {{"7", "elsewhere", "ada", "x", 1000, 1295, 1400, 4, 0}};
  const UsageReport report = report_of({run(1, {here})}, accounting);
  EXPECT_EQ(report.people[0].waits.starts, 0U);
  EXPECT_EQ(report.projects[0].name, "vision/");
}

TEST(UsageReport, AllJobsOfAPersonFromTheAccounting) {
  Accounting accounting;
  accounting.jobs = {{"1", "lab", "ada", "x", 800, 900, 1100, 4, 2},  // half of it in the window
                     {"2", "lab", "ada", "x", 1400, 1500, 0, 1, 0},   // runs
                     {"3", "lab", "bob", "x", 1500, 0, 0, 0, 0}};     // waits
  accounting.shares = {{"x", "1", 0.5, 0.25, 0.75, "ada"}, {"y", "1", 0.5, 0.25, 0.5, "ada"}};
  const UsageReport report = report_of({}, accounting);
  ASSERT_EQ(report.jobs.size(), 2U);
  EXPECT_EQ(report.jobs[0].person, "ada");
  EXPECT_EQ(report.jobs[0].starts, 1U);
  EXPECT_DOUBLE_EQ(report.jobs[0].cpu_seconds, 100 * 4 + 500);
  EXPECT_DOUBLE_EQ(report.jobs[0].gpu_seconds, 200);
  EXPECT_DOUBLE_EQ(*report.jobs[0].fair_share, 0.5);
  EXPECT_EQ(report.jobs[0].waits.starts, 1U) << "the other one began before the window";
  EXPECT_DOUBLE_EQ(report.jobs[0].waits.seconds, 100);
  EXPECT_FALSE(report.jobs[1].fair_share);
}

TEST(UsageReport, TheTopFivePercentAreOneOfTwentyAndAtLeastOne) {
  std::vector<double> amounts(41, 1.0);
  amounts[7] = 10;
  amounts[8] = 20;
  const auto share = top_share("runs", false, amounts);
  ASSERT_TRUE(share);
  EXPECT_EQ(share->top, 3U);
  EXPECT_EQ(share->all, 41U);
  EXPECT_DOUBLE_EQ(share->share, 31.0 / 69.0);
  EXPECT_EQ(top_share("runs", false, {3, 1})->top, 1U);
  EXPECT_DOUBLE_EQ(top_share("runs", false, {3, 1, 0, 0})->share, 0.75) << "who used nothing is none of them";
  EXPECT_FALSE(top_share("runs", false, {0, 0}));
  EXPECT_FALSE(top_share("runs", false, {}));
}

TEST(UsageReport, SparedTimeStandsBesideItsOwner) {
  std::vector<RunRecord> runs = {run(1, {use(1100, 1200, 10)})};
  name_records(runs, {}, name_of);
  const UsageReport report = usage_report(runs, {{"ada", "vision/", false, 90}}, {}, kWindow);
  EXPECT_DOUBLE_EQ(report.people[0].spared, 90);
  EXPECT_DOUBLE_EQ(report.projects[0].spared, 90);
}

}  // namespace
}  // namespace trireme::launcher
