#include "slurm/submit/layout_fit.hpp"

#include <gtest/gtest.h>

namespace trireme::slurm {
namespace {

TEST(FitDataParallel, TakesTheLargestThatDividesTheBatch) {
  const LayoutNeeds needs = {2, 2, 0, 24, 2, false};
  EXPECT_EQ(fit_data_parallel(needs, 16), 4);
  EXPECT_EQ(fit_data_parallel(needs, 20), 4);  // 5 does not divide 12 micro-batches
  EXPECT_EQ(fit_data_parallel(needs, 15), 3);
  EXPECT_EQ(fit_data_parallel(needs, 4), 1);
  EXPECT_EQ(fit_data_parallel(needs, 3), std::nullopt);
}

TEST(FitDataParallel, NeverExceedsWhatWasWishedFor) { EXPECT_EQ(fit_data_parallel({1, 1, 2, 16, 1, false}, 8), 2); }

TEST(FitDataParallel, KeepsMicroBatchesAMultipleOfTheStagesWhenInterleaved) {
  EXPECT_EQ(fit_data_parallel({1, 4, 0, 16, 1, false}, 32), 8);
  EXPECT_EQ(fit_data_parallel({1, 4, 0, 16, 1, true}, 32), 4);
}

TEST(Place, FillsHostsInOrder) {
  const auto all = place({2, 1, 0, 16, 1, false}, {"n1", "n2", "n3"}, 4);  // dp 6 does not divide 16
  ASSERT_TRUE(all);
  EXPECT_EQ(all->dp, 4);
  EXPECT_EQ(all->words(false), "--host n1:4,n2:4 -n 8");
  EXPECT_EQ(all->words(true), "--nodes=2 --nodelist=n1,n2 --ntasks=8 --ntasks-per-node=4");
}

TEST(Place, LetsTheLastHostHoldTheRest) {
  const auto part = place({1, 3, 0, 16, 16, false}, {"n1", "n2"}, 2);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->words(false), "--host n1:2,n2:1 -n 3");
  EXPECT_FALSE(place({2, 3, 0, 16, 1, false}, {"n1", "n2"}, 2));
  EXPECT_FALSE(place({1, 1, 0, 16, 1, false}, {}, 2));
}

}  // namespace
}  // namespace trireme::slurm
