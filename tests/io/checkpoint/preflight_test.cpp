#include "io/checkpoint/run/preflight.hpp"

#include <gtest/gtest.h>

#include "tests/support/memory_file_system.hpp"
#include "tests/support/thread_coordinator.hpp"

namespace trireme::checkpoint::tests {
namespace {

using trireme::tests::MemoryFileSystem;
using trireme::tests::run_ranks;

TEST(Preflight, RoomIsNeededForWhatIsMissingOfKeepPlusOne) {
  const SpaceNeed need{.checkpoint_bytes = 1'000'000'000, .checkpoint_files = 6, .keep = 3, .existing = 0};
  EXPECT_EQ(lacking_space(base::Space{4'000'000'000, {}}, {}, need), "");
  const std::string lacking = lacking_space(base::Space{3'900'000'000, {}}, {}, need);
  EXPECT_NE(lacking.find("3.9 GB are free"), std::string::npos) << lacking;
  EXPECT_NE(lacking.find("need 4 GB"), std::string::npos) << lacking;
  SpaceNeed later = need;
  later.existing = 3;  // the oldest goes when the fourth is there
  EXPECT_EQ(lacking_space(base::Space{1'000'000'000, {}}, {}, later), "");
  later.existing = 40;  // keep_every
  EXPECT_NE(lacking_space(base::Space{900'000'000, {}}, {}, later), "");
}

TEST(Preflight, FilesCountWhereTheFileSystemCountsThem) {
  const SpaceNeed need{.checkpoint_bytes = 1, .checkpoint_files = 10, .keep = 2, .existing = 0};
  EXPECT_EQ(lacking_space(base::Space{1000, 30}, {}, need), "");
  EXPECT_NE(lacking_space(base::Space{1000, 29}, {}, need).find("29 more files fit"), std::string::npos);
}

TEST(Preflight, WhatAQuotaLeavesCountsLikeWhatTheDiskLeaves) {
  const SpaceNeed need{.checkpoint_bytes = 1'000'000'000, .checkpoint_files = 10, .keep = 3, .existing = 0};
  const base::Space wide{9'000'000'000'000, 1'000'000};
  const std::vector<Quota> small = {{"your quota on /scratch", 1'200'000'000, {}}};
  EXPECT_EQ(
      lacking_space(wide, small, need),
      "your quota on /scratch leaves 1.2 GB, but 4 more checkpoints (checkpoint.keep = 3, plus the one being written) "
      "need 4 GB");
  EXPECT_EQ(lacking_space({}, small, need), lacking_space(wide, small, need));
  const std::vector<Quota> two = {{"your quota on /scratch", {}, 1000}, {"the quota of group 5 on /scratch", {}, 39}};
  EXPECT_NE(lacking_space(wide, two, need).find("the quota of group 5 on /scratch leaves 39 files, but"),
            std::string::npos);
  EXPECT_EQ(lacking_space(wide, {{"your quota on /scratch", 4'000'000'000, 40}}, need), "");
  EXPECT_NE(lacking_space(base::Space{3, 3}, {{"your quota", 50, {}}}, need).find("3e-09 GB are free"),
            std::string::npos);
  EXPECT_EQ(lacking_space({}, {}, need), "");
}

TEST(Preflight, ATrialSaveLeavesNothingBehind) {
  MemoryFileSystem files;
  run_ranks(4, 2, [&](Coordinator& coordinator) { EXPECT_EQ(try_to_commit(coordinator, files, "/run"), ""); });
  EXPECT_TRUE(files.list("/run").empty());
}

TEST(Preflight, EveryCallThatFailsIsNoticedOnAllRanks) {
  for (long n = 1;; ++n) {
    MemoryFileSystem files;
    files.fail_at(n, EROFS);
    std::atomic<int> noticed = 0;
    run_ranks(2, 2,
              [&](Coordinator& coordinator) { noticed += try_to_commit(coordinator, files, "/run").empty() ? 0 : 1; });
    if (!files.has_failed()) {
      EXPECT_GT(n, 30);
      break;
    }
    EXPECT_EQ(noticed, 2) << "call " << n;
  }
}

}  // namespace
}  // namespace trireme::checkpoint::tests
