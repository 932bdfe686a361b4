#include "launcher/attempt/shards_per_node.hpp"

#include <gmock/gmock.h>

#include "tests/support/one_rank_communicator.hpp"

namespace trireme::launcher {
namespace {

using testing::HasSubstr;

slurm::Attempt chose(int files) {
  slurm::Attempt attempt;
  attempt.ended = true;
  attempt.end.shards_per_node = files;
  return attempt;
}

// Saves at the same speed until the number is settled.
std::string sentence_of(ShardsPerNode& shards, tests::OneRankCommunicator& control) {
  for (int save = 0; save < 100; ++save) {
    shards.agree(control);
    if (const auto settled = shards.saved(1'000'000'000, 1.0)) return *settled;
  }
  return "";
}

TEST(ShardsPerNode, ANumberInTheRunFileIsKeptWithoutAsking) {
  tests::OneRankCommunicator control;
  ShardsPerNode shards(3, 8, {chose(4)});
  shards.agree(control);
  EXPECT_EQ(control.calls, 0);
  EXPECT_EQ(shards.files(), 3);
  EXPECT_FALSE(shards.saved(1000, 1.0));
  EXPECT_EQ(shards.chosen(), 0);
}

TEST(ShardsPerNode, WithoutOneItIsFoundBySpeed) {
  tests::OneRankCommunicator control;
  ShardsPerNode shards({}, 2, {});
  EXPECT_EQ(shards.files(), checkpoint::ShardTuning::kFirst) << "before the first save";
  shards.agree(control);
  EXPECT_EQ(shards.files(), 2);
  EXPECT_EQ(shards.chosen(), 0);
  EXPECT_THAT(sentence_of(shards, control), HasSubstr("each node writes 1 file"));
  EXPECT_EQ(shards.chosen(), 1);
  EXPECT_FALSE(shards.saved(1000, 1.0)) << "said once";
}

TEST(ShardsPerNode, BeginsWithWhatTheNewestAttemptChoseThatDid) {
  tests::OneRankCommunicator control;
  ShardsPerNode shards({}, 16, {chose(16), chose(4), chose(0)});
  shards.agree(control);
  EXPECT_EQ(shards.files(), 4);
}

TEST(ShardsPerNode, RankZerosNumberCountsOnAllRanks) {
  tests::OneRankCommunicator control;
  control.root = 4;
  ShardsPerNode shards({}, 16, {});
  shards.agree(control);
  EXPECT_EQ(shards.files(), 4);
}

}  // namespace
}  // namespace trireme::launcher
