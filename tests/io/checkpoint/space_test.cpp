#include "io/checkpoint/run/space.hpp"

#include <gtest/gtest.h>

namespace trireme::checkpoint::tests {
namespace {

TEST(Space, RoomIsNeededForWhatIsMissingOfKeepPlusOne) {
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

TEST(Space, FilesCountWhereTheFileSystemCountsThem) {
  const SpaceNeed need{.checkpoint_bytes = 1, .checkpoint_files = 10, .keep = 2, .existing = 0};
  EXPECT_EQ(lacking_space(base::Space{1000, 30}, {}, need), "");
  EXPECT_NE(lacking_space(base::Space{1000, 29}, {}, need).find("29 more files fit"), std::string::npos);
}

TEST(Space, WhatAQuotaLeavesCountsLikeWhatTheDiskLeaves) {
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

}  // namespace
}  // namespace trireme::checkpoint::tests
