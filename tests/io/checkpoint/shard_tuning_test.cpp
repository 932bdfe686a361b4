#include "io/checkpoint/save/shard_tuning.hpp"

#include <gtest/gtest.h>

#include <functional>

namespace trireme::checkpoint::tests {
namespace {

constexpr std::uint64_t kBytes = 1'000'000'000;

/// The numbers of files that are tried until the tuning settles, and at the end the one that stays.
std::vector<int> tried(ShardTuning tuning, const std::function<double(int)>& gigabytes_per_second) {
  std::vector<int> numbers;
  for (int save = 0; !tuning.settled() && save < 100; ++save) {
    if (save % ShardTuning::kSavesEach == 0) numbers.push_back(tuning.files());
    tuning.saved(kBytes, 1 / gigabytes_per_second(tuning.files()));
  }
  numbers.push_back(tuning.files());
  EXPECT_TRUE(tuning.settled());
  return numbers;
}

using Numbers = std::vector<int>;

TEST(ShardTuning, EqualSpeedsTakeTheFewestFiles) {
  EXPECT_EQ(tried({8, 0}, [](int) { return 1.0; }), (Numbers{8, 4, 2, 1, 1}));
  EXPECT_EQ(tried({32, 0}, [](int) { return 1.0; }), (Numbers{8, 16, 4, 2, 1, 1}));
}

TEST(ShardTuning, MoreFilesMustBeATenthFaster) {
  EXPECT_EQ(tried({32, 0}, [](int files) { return files * 1.0; }), (Numbers{8, 16, 32, 32}));
  EXPECT_EQ(tried({32, 0}, [](int files) { return files >= 16 ? 1.12 : 1.0; }), (Numbers{8, 16, 32, 16}));
  EXPECT_EQ(tried({16, 0}, [](int files) { return files >= 16 ? 1.08 : files * 0.1; }), (Numbers{8, 16, 16}));
  EXPECT_EQ(tried({16, 0}, [](int files) { return files >= 8 ? 1.05 : files * 0.1; }), (Numbers{8, 16, 4, 8}));
}

TEST(ShardTuning, FewerFilesMayBeATenthSlowerPerStep) {
  EXPECT_EQ(tried({8, 0}, [](int files) { return files >= 8 ? 1.09 : files >= 4 ? 1.0 : 0.5; }), (Numbers{8, 4, 2, 4}));
  EXPECT_EQ(tried({8, 0}, [](int files) { return files >= 8 ? 1.11 : 1.0; }), (Numbers{8, 4, 8}));
}

TEST(ShardTuning, StartsWhereAnEarlierAttemptEnded) {
  EXPECT_EQ(tried({8, 2}, [](int files) { return files == 2 ? 2.0 : 1.0; }), (Numbers{2, 4, 1, 2}));
  EXPECT_EQ(ShardTuning(4, 64).files(), 4) << "on smaller nodes";
  EXPECT_EQ(ShardTuning(8, 3).files(), 2);
}

TEST(ShardTuning, TriesTheRanksOfTheNodeAlsoWhenTheyAreNoPowerOfTwo) {
  EXPECT_EQ(ShardTuning(6, 0).files(), 6);
  EXPECT_EQ(tried({6, 0}, [](int) { return 1.0; }), (Numbers{6, 4, 2, 1, 1}));
  EXPECT_EQ(tried({12, 0}, [](int files) { return files * 1.0; }), (Numbers{8, 12, 12}));
}

TEST(ShardTuning, TheFasterOfTwoSavesCounts) {
  ShardTuning tuning(2, 0);
  tuning.saved(kBytes, 10);  // the first save agrees who writes what
  tuning.saved(kBytes, 1);
  EXPECT_EQ(tuning.files(), 1);
  tuning.saved(kBytes, 1.2);
  EXPECT_FALSE(tuning.settled());
  tuning.saved(kBytes, 5);
  EXPECT_TRUE(tuning.settled());
  EXPECT_EQ(tuning.files(), 2);
  tuning.saved(kBytes, 1000);
  EXPECT_EQ(tuning.files(), 2);
  EXPECT_EQ(
      tuning.reason(),
      "each node writes 2 files per checkpoint from now on: 1 GB/s; 1 file 0.833 GB/s (more files only where they "
      "are a tenth faster; checkpoint.shards_per_node = N fixes it)");
}

TEST(ShardTuning, OneRankANodeHasNothingToChoose) {
  ShardTuning tuning(1, 8);
  EXPECT_TRUE(tuning.settled());
  EXPECT_EQ(tuning.files(), 1);
  EXPECT_EQ(tuning.reason(), "");
}

TEST(ShardTuning, SavesWithoutTimeAreNoDivisionByZero) {
  EXPECT_EQ(tried({2, 0}, [](int) { return 1e300; }).back(), 1);
  ShardTuning tuning(2, 0);
  for (int save = 0; save < 10; ++save) tuning.saved(0, 0);
  EXPECT_TRUE(tuning.settled());
}

}  // namespace
}  // namespace trireme::checkpoint::tests
