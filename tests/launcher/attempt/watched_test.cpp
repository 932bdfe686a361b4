#include "launcher/attempt/watched.hpp"

#include <gtest/gtest.h>

#include "base/clock.hpp"
#include "tests/support/memory_file_system.hpp"

namespace trireme::launcher {
namespace {

slurm::Attempt measured(double step, double save) {
  slurm::Attempt attempt;
  attempt.end.step_seconds = step;
  attempt.end.save_seconds = save;
  return attempt;
}

TEST(Watched, SeesRequestsOnTheRankThatLooks) {
  tests::MemoryFileSystem files;
  files.create_directories("/run/control");
  slurm::leave_request(files, "/run", slurm::Wish::kStop, "alice", 0);
  Watched rank_0(files, "/run", true);
  Watched rank_1(files, "/run", false);
  EXPECT_FALSE(rank_0.stop());
  rank_0.look(1);
  rank_1.look(1);
  EXPECT_TRUE(rank_0.stop());
  EXPECT_FALSE(rank_1.stop());
}

TEST(Watched, TimeIsUpOnlyWhereAnEndIsKnown) {
  tests::MemoryFileSystem files;
  Watched watched(files, "/run", true);
  EXPECT_FALSE(watched.must_stop(1e12));
  watched.watch_time({1000.0, 5.0, 20.0}, nullptr);  // needs 5 + 20 + 10 s
  EXPECT_FALSE(watched.must_stop(964));
  EXPECT_TRUE(watched.must_stop(966));
}

TEST(Watched, AChangedLimitCounts) {
  tests::MemoryFileSystem files;
  Watched watched(files, "/run", true);
  const auto no_answer = []() -> std::optional<slurm::TimeLeft> { return std::nullopt; };
  watched.watch_time({1000.0, 0.0, 0.0},
                     std::make_unique<slurm::JobEndWatch>(2000.0, no_answer, std::chrono::hours(1), [](double) {}));
  watched.look(1);
  EXPECT_FALSE(watched.must_stop(1500));
}

TEST(TimeBudget, AnEstimateStandsInForASaveThatNobodyMeasured) {
  const slurm::TimeBudget known = time_budget(1e9, {measured(2, 30)}, 12'000'000, 1, {});
  EXPECT_EQ(known.save_seconds(), 30);
  EXPECT_EQ(known.longest_step(), 2);
  const slurm::TimeBudget estimated = time_budget(1e9, {measured(2, 0)}, 12'000'000, 1, {});
  EXPECT_EQ(estimated.save_seconds(), slurm::estimated_save_seconds(12e6, 1));
  EXPECT_EQ(estimated.end(), 1e9);
}

TEST(WatchJobEnd, ThereIsNothingToWatchOutsideAJob) {
  const AskQueue nobody = [](base::FileSystem&, double) { return std::optional<slurm::JobList>(); };
  EXPECT_EQ(watch_job_end({}, {}, std::chrono::seconds(60), nobody, {}), nullptr);
}

}  // namespace
}  // namespace trireme::launcher
