#include "launcher/doctor/link_rounds.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

namespace trireme::doctor {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<Node> cluster(int nodes, int ranks_per_node) {
  std::vector<Node> all(static_cast<std::size_t>(nodes));
  for (int rank = 0; rank < nodes * ranks_per_node; ++rank) {
    all[static_cast<std::size_t>(rank / ranks_per_node)].ranks.push_back(rank);
  }
  return all;
}

std::set<Pair> pairs_of(const std::vector<Round>& rounds) {
  std::set<Pair> pairs;
  for (const Round& round : rounds) {
    std::set<int> busy;
    for (const Pair& pair : round) {
      EXPECT_LT(pair.first, pair.second);
      EXPECT_TRUE(busy.insert(pair.first).second) << "rank " << pair.first << " twice in a round";
      EXPECT_TRUE(busy.insert(pair.second).second) << "rank " << pair.second << " twice in a round";
      EXPECT_TRUE(pairs.insert(pair).second) << "a pair twice";
    }
  }
  return pairs;
}

TEST(LinkRounds, ARankAloneHasNobodyToMeet) { EXPECT_THAT(plan_rounds(cluster(1, 1), 1), IsEmpty()); }

TEST(LinkRounds, TwoRanksMeetOnce) { EXPECT_THAT(plan_rounds(cluster(1, 2), 1), ElementsAre(ElementsAre(Pair(0, 1)))); }

TEST(LinkRounds, NeighboursInTheRingAlwaysMeet) {
  for (int size = 3; size <= 40; ++size) {
    const auto rounds = plan_rounds(cluster(1, size), 1);
    EXPECT_LE(rounds.size(), size % 2 == 0 ? 2u : 3u);
    const auto pairs = pairs_of(rounds);
    EXPECT_EQ(pairs.size(), static_cast<std::size_t>(size));
    for (int rank = 0; rank < size; ++rank) EXPECT_TRUE(pairs.count(std::minmax(rank, (rank + 1) % size)));
  }
}

TEST(LinkRounds, UpToSeventeenNodesAllMeet) {
  for (int nodes = 2; nodes <= 17; ++nodes) {
    const auto rounds = plan_rounds(cluster(nodes, 3), 1);
    EXPECT_LE(rounds.size(), 20u);
    const auto pairs = pairs_of(rounds);
    for (int a = 0; a < nodes; ++a) {
      for (int b = a + 1; b < nodes; ++b)
        EXPECT_TRUE(pairs.count({3 * a, 3 * b})) << a << " and " << b << " of " << nodes;
    }
  }
}

TEST(LinkRounds, AThousandNodesMeetTwiceTheLogarithmInFewRounds) {
  for (const int nodes : {18, 100, 999, 1000, 1024}) {
    const auto rounds = plan_rounds(cluster(nodes, 8), 8);
    EXPECT_LE(rounds.size(), 54u) << nodes;
    std::map<int, int> partners;
    for (const auto& [a, b] : pairs_of(rounds)) {
      if (a % 8 != 0 || b % 8 != 0) continue;
      ++partners[a];
      ++partners[b];
    }
    for (int node = 0; node < nodes; ++node) EXPECT_GE(partners[8 * node], 2 * std::floor(std::log2(nodes)) - 3);
  }
}

TEST(LinkRounds, RailsAreKthRanksOfNeighbouringNodes) {
  const auto pairs = pairs_of(plan_rounds(cluster(3, 4), 4));
  for (int rail = 1; rail < 4; ++rail) {
    EXPECT_TRUE(pairs.count({rail, 4 + rail}));
    EXPECT_TRUE(pairs.count({4 + rail, 8 + rail}));
    EXPECT_TRUE(pairs.count({rail, 8 + rail}));
  }
  EXPECT_FALSE(pairs_of(plan_rounds(cluster(3, 4), 1)).count({1, 5}));
}

TEST(LinkRounds, NodesMayDifferInSize) {
  std::vector<Node> nodes(3);
  nodes[0].ranks = {0, 1, 2};
  nodes[1].ranks = {3};
  nodes[2].ranks = {4, 5};
  const auto pairs = pairs_of(plan_rounds(nodes, 3));
  EXPECT_TRUE(pairs.count({0, 3}));
  EXPECT_TRUE(pairs.count({1, 5}));
}

TEST(LinkRounds, APartnerIsFoundFromBothSides) {
  const Round round = {{0, 3}, {1, 2}};
  EXPECT_EQ(partner_of(round, 3), 0);
  EXPECT_EQ(partner_of(round, 0), 3);
  EXPECT_EQ(partner_of(round, 4), std::nullopt);
}

}  // namespace
}  // namespace trireme::doctor
