#include "launcher/health/replica_vote.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

std::vector<int> suspects(const Difference& difference) {
  std::vector<int> ranks;
  for (const Replica& replica : difference.suspects) ranks.push_back(replica.rank);
  return ranks;
}

TEST(ReplicaVote, ReplicasThatAgreeAreNoSuspects) {
  EXPECT_TRUE(compare_replicas({}).suspects.empty());
  const std::vector<Replica> replicas = {
      {0, "a", 0, 7}, {1, "a", 1, 8}, {2, "b", 0, 7}, {3, "b", 1, 8}, {4, "c", 2, 9}};
  EXPECT_TRUE(compare_replicas(replicas).suspects.empty());
  EXPECT_FALSE(compare_replicas(replicas).certain);
}

TEST(ReplicaVote, AMajorityNamesTheOneThatDiffers) {
  const std::vector<Replica> replicas = {{0, "a", 0, 7}, {2, "b", 0, 6}, {4, "c", 0, 7}};
  const Difference found = compare_replicas(replicas);
  EXPECT_EQ(suspects(found), std::vector<int>{2});
  EXPECT_EQ(found.suspects[0].host, "b");
  EXPECT_TRUE(found.certain);
}

TEST(ReplicaVote, OfTwoBothAreNamed) {
  const std::vector<Replica> replicas = {{3, "b", 0, 6}, {1, "a", 0, 7}};
  const Difference found = compare_replicas(replicas);
  EXPECT_EQ(suspects(found), (std::vector<int>{1, 3}));
  EXPECT_FALSE(found.certain);
}

TEST(ReplicaVote, HalfIsNoMajority) {
  const std::vector<Replica> replicas = {{0, "a", 0, 1}, {1, "b", 0, 1}, {2, "c", 0, 2}, {3, "d", 0, 2}};
  EXPECT_EQ(suspects(compare_replicas(replicas)), (std::vector<int>{0, 1, 2, 3}));
  EXPECT_FALSE(compare_replicas(replicas).certain);
}

TEST(ReplicaVote, EachGroupVotesForItself) {
  const std::vector<Replica> replicas = {{0, "a", 0, 1}, {1, "a", 1, 5}, {2, "b", 0, 1},
                                         {3, "b", 1, 6}, {4, "c", 0, 2}, {5, "c", 1, 5}};
  const Difference found = compare_replicas(replicas);
  EXPECT_EQ(suspects(found), (std::vector<int>{3, 4}));
  EXPECT_TRUE(found.certain);
}

}  // namespace
}  // namespace trireme::launcher
