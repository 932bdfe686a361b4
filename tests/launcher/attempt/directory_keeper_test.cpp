#include "launcher/attempt/directory_keeper.hpp"

#include <gtest/gtest.h>

#include "launcher/run_directory/tensorboard/event_record.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::launcher {
namespace {

DirectoryKeeper open(base::FileSystem& files, const std::filesystem::path& run) {
  return {files, run, {}, [] { return false; }, {}};
}

slurm::AttemptStart start() {
  slurm::AttemptStart start;
  start.layout = "dp1";
  start.time = 1;
  return start;
}

TEST(DirectoryKeeper, CompletesTheStartByWhatTheRunDirectoryKnows) {
  base::PosixFileSystem files;
  const tests::TemporaryDirectory run;
  std::string id;
  {
    DirectoryKeeper keeper = open(files, run.path());
    id = keeper.run_id();
    EXPECT_EQ(keeper.attempt(), 1);
    keeper.begin(start(), "[run]\n");
    ASSERT_EQ(keeper.attempts().size(), 1U);
    EXPECT_EQ(keeper.attempts()[0].start.run_id, id);
    EXPECT_EQ(keeper.attempts()[0].start.reason, "first start");
    EXPECT_EQ(keeper.attempts()[0].start.layout, "dp1");
    keeper.end({75, "stopped by SIGTERM", 3, 2}, {1.5, {0.1, 0.2}, 600, 4});
  }
  DirectoryKeeper keeper = open(files, run.path());
  EXPECT_EQ(keeper.run_id(), id);
  EXPECT_EQ(keeper.attempt(), 2);
  const slurm::AttemptEnd& end = keeper.attempts().at(0).end;
  EXPECT_EQ(end.reason, "stopped by SIGTERM");
  EXPECT_EQ(end.step_seconds, 1.5);
  EXPECT_EQ(end.save_seconds, 0.2);
  EXPECT_EQ(end.save_stall_seconds, 0.1);
  EXPECT_EQ(end.save_interval_seconds, 600);
  EXPECT_EQ(end.shards_per_node, 4);
  keeper.begin(start(), "[run]\n");
  EXPECT_EQ(keeper.attempts()[1].start.reason, "resumed by hand after it was stopped by SIGTERM");
}

TEST(DirectoryKeeper, SignsASaveForTheHolderOfTheLease) {
  base::PosixFileSystem files;
  const tests::TemporaryDirectory run;
  DirectoryKeeper keeper = open(files, run.path());
  keeper.begin(start(), "[run]\n");
  checkpoint::SaveInfo info;
  EXPECT_TRUE(keeper.sign(info));
  EXPECT_EQ(info.run_id, keeper.run_id());
  EXPECT_EQ(info.attempt, 1);
  EXPECT_EQ(info.job, "local");
  EXPECT_FALSE(info.token.empty());
  EXPECT_TRUE(info.holds_lease());
  files.replace(run.path() / "lease", "another one's");
  EXPECT_FALSE(info.holds_lease());
  EXPECT_NE(std::string(keeper.why_lost("").what()).find("another job took over"), std::string::npos);
}

// Steps of the event files of a run.
std::vector<std::int64_t> event_steps(base::FileSystem& files, const std::filesystem::path& run) {
  std::vector<std::int64_t> steps;
  for (const std::string& name : files.list(run)) {
    if (!name.starts_with("events.")) continue;
    const auto file = files.open(run / name, base::OpenMode::kRead);
    EventReader reader(*file);
    for (EventRecord record; reader.next(record);) {
      if (record.summary) steps.push_back(record.step);
    }
  }
  return steps;
}

TEST(DirectoryKeeper, EventFilesFollowTheMetricsThroughARollBack) {
  base::PosixFileSystem files;
  const tests::TemporaryDirectory run;
  const auto append = [](DirectoryKeeper& keeper, std::int64_t first, std::int64_t last) {
    for (std::int64_t step = first; step <= last; ++step) keeper.append_metrics({{"step", step}, {"loss", 0.5}});
  };
  {
    DirectoryKeeper keeper(
        files, run.path(), {}, [] { return false; }, {}, true);
    keeper.begin(start(), "[run]\n");
    append(keeper, 1, 5);
    slurm::HealthEvent event;
    event.kind = "spike";
    event.action = "rolled back";
    event.to_step = 3;
    keeper.roll_back(event);
    append(keeper, 4, 6);
    EXPECT_EQ(event_steps(files, run.path()), (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6}));
    keeper.end({75, "stopped by SIGTERM", 6, 4}, {});
  }
  // Off in the next attempt, which goes back to step 4.
  DirectoryKeeper keeper = open(files, run.path());
  slurm::AttemptStart again = start();
  again.first_step = 4;
  keeper.begin(again, "[run]\n");
  append(keeper, 5, 6);
  EXPECT_EQ(event_steps(files, run.path()), (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(RunKeeper, OfAnotherRankKnowsAndSignsNothing) {
  RunKeeper keeper;
  checkpoint::SaveInfo info;
  EXPECT_FALSE(keeper.sign(info));
  EXPECT_EQ(info.token, "");
  EXPECT_FALSE(info.holds_lease);
  EXPECT_EQ(keeper.attempt(), 0);
  EXPECT_TRUE(keeper.attempts().empty());
  EXPECT_STREQ(keeper.why_lost("the lease is lost").what(), "the lease is lost");
  keeper.housekeeping({})->committed();
  keeper.append_metrics({{"step", 1}});
  keeper.end({}, {});
}

}  // namespace
}  // namespace trireme::launcher
