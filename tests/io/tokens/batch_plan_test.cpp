#include "io/tokens/batch_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

using testing::ElementsAre;

TEST(BatchPlan, FollowsItsExample) {
  const BatchPlan plan{8, 2, 2};
  EXPECT_EQ(plan.micro_batches(), 2);
  EXPECT_THAT(plan.samples(100, 0, 0), ElementsAre(100, 101));
  EXPECT_THAT(plan.samples(100, 1, 0), ElementsAre(102, 103));
  EXPECT_THAT(plan.samples(100, 0, 1), ElementsAre(104, 105));
}

TEST(BatchPlan, EveryLayoutCoversTheSameGlobalBatchOnce) {
  for (const std::int64_t dp : {1, 2, 3, 4}) {
    for (const std::int64_t micro_batch : {1, 2}) {
      const BatchPlan plan{24, micro_batch, dp};
      plan.check();
      std::vector<std::uint64_t> seen;
      for (std::int64_t d = 0; d < dp; ++d) {
        for (std::int64_t k = 0; k < plan.micro_batches(); ++k) {
          for (const auto number : plan.samples(48, d, k)) seen.push_back(number);
        }
      }
      std::sort(seen.begin(), seen.end());
      ASSERT_EQ(seen.size(), 24U);
      for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(seen[i], 48 + i);
    }
  }
}

TEST(BatchPlan, RefusesWhatDoesNotDivideAndNamesWhatWould) {
  try {
    BatchPlan{10, 2, 3}.check();
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("take 6 or 12"));
  }
  EXPECT_THROW((BatchPlan{0, 1, 1}.check()), base::InputError);
  EXPECT_THROW((BatchPlan{2, 4, 1}.check()), base::InputError);
}

TEST(ValidationPlan, PadsTheLastMicroBatches) {
  const ValidationPlan plan{5, 2, 2};
  EXPECT_EQ(plan.micro_batches(), 2);
  EXPECT_THAT(plan.samples(0, 0), ElementsAre(0, 1));
  EXPECT_THAT(plan.samples(1, 0), ElementsAre(2, 3));
  EXPECT_THAT(plan.samples(0, 1), ElementsAre(4, kNoSample));
  EXPECT_THAT(plan.samples(1, 1), ElementsAre(kNoSample, kNoSample));
}

TEST(ValidationPlan, UsesAllWhenAskedForNoneOrMore) {
  EXPECT_EQ(validation_count(10, 0), 10U);
  EXPECT_EQ(validation_count(10, 11), 10U);
  EXPECT_EQ(validation_count(10, 4), 4U);
}

}  // namespace
}  // namespace trireme::tokens
