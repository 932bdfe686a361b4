#include "collectives/topology/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::topology {
namespace {

using testing::HasSubstr;

TEST(Placement, DeviceIsTheLocalRankOrTheOnlyOne) {
  EXPECT_EQ(choose_device(3, 8, 8), 3);
  EXPECT_EQ(choose_device(1, 2, 8), 1);
  EXPECT_EQ(choose_device(3, 4, 1), 0);
  EXPECT_EQ(choose_device(0, 1, 1), 0);
  EXPECT_EQ(choose_device(0, 4, 0), std::nullopt);
}

TEST(Placement, FewerDevicesThanRanksOnANodeIsRefused) {
  try {
    choose_device(1, 8, 4);
    FAIL() << "accepted";
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("8 ranks but shows 4 devices"));
  }
}

TEST(Placement, SharedDevicesAreRefusedWithATableOfThem) {
  const std::vector<Place> places = {
      {0, "n1", "GPU-a", {0, 1}}, {1, "n1", "GPU-a", {2, 3}}, {2, "n1", "GPU-b", {4}}, {3, "n2", "GPU-a", {0, 1}}};
  const auto refusal = duplicate_devices(places);
  ASSERT_TRUE(refusal);
  EXPECT_THAT(*refusal, HasSubstr("n1    0,1    GPU-a   0-1"));
  EXPECT_THAT(*refusal, testing::Not(HasSubstr("GPU-b")));
  EXPECT_THAT(*refusal, testing::Not(HasSubstr("n2")));
}

TEST(Placement, DistinctDevicesAndCpuRanksPass) {
  EXPECT_EQ(duplicate_devices({{0, "n1", "GPU-a", {}}, {1, "n1", "GPU-b", {}}, {2, "n2", "GPU-a", {}}}), std::nullopt);
  EXPECT_EQ(duplicate_devices({{0, "n1", "", {0}}, {1, "n1", "", {0}}}), std::nullopt);
}

TEST(Placement, MoreRanksThanCpusOfAMaskIsAWarning) {
  const auto warning = crowded_cpus({{0, "n1", "", {0}}, {1, "n1", "", {0}}, {2, "n1", "", {1, 2}}});
  ASSERT_TRUE(warning);
  EXPECT_THAT(*warning, HasSubstr("n1    0,1    none    0"));
  EXPECT_EQ(crowded_cpus({{0, "n1", "", {0, 1}}, {1, "n1", "", {0, 1}}, {2, "n2", "", {0}}}), std::nullopt);
}

TEST(Placement, ThreadsAreTheCpusThatARankHasForItself) {
  const std::vector<int> all = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(threads_of({{0, "n1", "", all}}, 0), 8);
  EXPECT_EQ(threads_of({{0, "n1", "", all}, {1, "n1", "", all}, {2, "n1", "", all}, {3, "n2", "", all}}, 1), 2);
  EXPECT_EQ(threads_of({{0, "n1", "", all}, {1, "n1", "", all}, {2, "n1", "", all}, {3, "n2", "", all}}, 3), 8);
  EXPECT_EQ(threads_of({{0, "n1", "", {0, 1, 2, 3}}, {1, "n1", "", {4, 5, 6, 7}}}, 1), 4);
  EXPECT_EQ(threads_of({{0, "n1", "", {0}}, {1, "n1", "", {0}}}, 1), 1);
}

TEST(Placement, RanksThatAreBoundToOneSocketShareIt) {
  std::vector<Place> places;
  for (int rank = 0; rank < 6; ++rank) {
    places.push_back({rank, "n1", "", rank < 3 ? std::vector<int>{0, 1, 2} : std::vector<int>{3, 4, 5, 6, 7, 8}});
  }
  EXPECT_EQ(threads_of(places, 0), 1);
  EXPECT_EQ(threads_of(places, 5), 2);
}

TEST(Placement, CpuListJoinsNeighbours) {
  EXPECT_EQ(cpu_list({8, 0, 1, 2, 3}), "0-3,8");
  EXPECT_EQ(cpu_list({}), "");
}

}  // namespace
}  // namespace trireme::topology
