#include "collectives/topology/mesh.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.hpp"

namespace trireme::topology {
namespace {

using testing::ElementsAre;

constexpr Axis kAxes[] = {Axis::kTensor, Axis::kContext, Axis::kData, Axis::kPipeline};

std::vector<Degrees> small_meshes() {
  std::vector<Degrees> all;
  for (int tp = 1; tp <= 3; ++tp)
    for (int cp = 1; cp <= 2; ++cp)
      for (int dp = 1; dp <= 3; ++dp)
        for (int pp = 1; pp <= 3; ++pp) all.push_back({tp, cp, dp, pp});
  return all;
}

TEST(Mesh, TensorVariesFastestThenContextDataPipeline) {
  const Mesh mesh({.tp = 2, .cp = 1, .dp = 2, .pp = 2});
  EXPECT_EQ(mesh.coordinates(5), (Coordinates{.tp = 1, .cp = 0, .dp = 0, .pp = 1}));
  EXPECT_EQ(mesh.rank({.tp = 0, .cp = 0, .dp = 1, .pp = 1}), 6);
}

TEST(Mesh, GroupsHoldTheRanksThatDifferAlongOneAxis) {
  const Mesh mesh({.tp = 2, .cp = 1, .dp = 2, .pp = 2});
  EXPECT_THAT(mesh.group(5, Axis::kTensor), ElementsAre(4, 5));
  EXPECT_THAT(mesh.group(5, Axis::kContext), ElementsAre(5));
  EXPECT_THAT(mesh.group(5, Axis::kData), ElementsAre(5, 7));
  EXPECT_THAT(mesh.group(5, Axis::kPipeline), ElementsAre(1, 5));
}

TEST(Mesh, RankAndCoordinatesAreInverse) {
  for (const Degrees& degrees : small_meshes()) {
    const Mesh mesh(degrees);
    for (int rank = 0; rank < mesh.size(); ++rank) EXPECT_EQ(mesh.rank(mesh.coordinates(rank)), rank);
  }
}

TEST(Mesh, GroupIndexNumbersTheGroupsOfAnAxisWithoutGaps) {
  for (const Degrees& degrees : small_meshes()) {
    const Mesh mesh(degrees);
    for (const Axis axis : kAxes) {
      std::map<int, std::set<std::vector<int>>> groups;
      for (int rank = 0; rank < mesh.size(); ++rank) {
        groups[mesh.group_index(rank, axis)].insert(mesh.group(rank, axis));
      }
      int expected = 0;
      for (const auto& [index, members] : groups) {
        EXPECT_EQ(index, expected++);
        EXPECT_EQ(members.size(), 1u);
      }
      EXPECT_EQ(static_cast<std::size_t>(expected) * mesh.group(0, axis).size(), static_cast<std::size_t>(mesh.size()));
    }
  }
}

TEST(Mesh, RefusesDegreesBelowOneAndRanksOutside) {
  EXPECT_THROW(Mesh({.tp = 0}), base::InputError);
  EXPECT_THROW(Mesh({.pp = -2}), base::InputError);
  const Mesh mesh({.tp = 2});
  EXPECT_THROW(mesh.coordinates(2), base::Error);
  EXPECT_THROW(mesh.rank({.dp = 1}), base::Error);
}

TEST(Mesh, LayoutTextLeavesOutAxesOfDegreeOne) {
  EXPECT_EQ(to_string(Degrees{.tp = 2, .dp = 2, .pp = 2}), "tp2·pp2·dp2");
  EXPECT_EQ(to_string(Degrees{}), "1 rank");
}

}  // namespace
}  // namespace trireme::topology
