#include "io/tokens/blend.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "base/error.hpp"

namespace trireme::tokens {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(const std::string& list) {
  try {
    parse_dataset_list("data.train", list);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(DatasetList, ReadsPathsAndWeights) {
  const auto list = parse_dataset_list("data.train", " A.h5 0.7,B 2.h5 3 , c.h5");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].path, "A.h5");
  EXPECT_EQ(list[0].weight, 0.7);
  EXPECT_EQ(list[1].path, "B 2.h5");
  EXPECT_EQ(list[1].weight, 3);
  EXPECT_EQ(list[2].path, "c.h5");
  EXPECT_EQ(list[2].weight, 0);
}

TEST(DatasetList, QuotesHoldCommasAndNumbersTogether) {
  const auto list = parse_dataset_list("data.train", "\"a,b 1\" 0.5, \"c #2\",d\"e.h5");
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].path, "a,b 1");
  EXPECT_EQ(list[0].weight, 0.5);
  EXPECT_EQ(list[1].path, "c #2");
  EXPECT_EQ(list[1].weight, 0);
  EXPECT_EQ(list[2].path, "d\"e.h5");
  EXPECT_THAT(refusal("\"a,b\" c.h5"), HasSubstr("after \"a,b\" a comma or a weight must follow, not c.h5"));
}

TEST(DatasetList, RefusesEmptyEntriesAndBadWeights) {
  EXPECT_THAT(refusal(""), HasSubstr("data.train"));
  EXPECT_THAT(refusal("a.h5,"), HasSubstr("after a comma"));
  EXPECT_THAT(refusal("a.h5 -1"), HasSubstr("weight -1 of a.h5"));
  EXPECT_THAT(refusal("a.h5 0"), HasSubstr("positive"));
  EXPECT_THAT(refusal("a.h5 nan"), HasSubstr("positive"));
}

TEST(DatasetList, WeightsAreAllOrNone) {
  EXPECT_TRUE(blend_weights("k", {{"a", 0}, {"b", 0}}).empty());
  EXPECT_THAT(blend_weights("k", {{"a", 2}, {"b", 1}}), ElementsAre(2, 1));
  EXPECT_THROW(blend_weights("k", {{"a", 2}, {"b", 0}}), base::InputError);
}

TEST(Blend, FollowsItsExample) {
  const Blend blend({0.7, 0.3});
  EXPECT_THAT(blend.shares(), ElementsAre(7, 3));
  std::vector<std::size_t> order;
  for (std::uint64_t n = 0; n < 20; ++n) order.push_back(blend.at(n).dataset);
  EXPECT_THAT(order, ElementsAre(0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0));
}

TEST(Blend, StaysWithinOneSampleOfTheSharesAndCountsOrdinals) {
  for (const std::vector<double>& weights :
       {std::vector<double>{1}, {1, 1}, {2, 1, 1}, {0.5, 0.3, 0.15, 0.05}, {1, 1e-3}, {std::sqrt(2.0), 1, 0.1}}) {
    const Blend blend(weights);
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    std::vector<std::uint64_t> drawn(weights.size(), 0);
    for (std::uint64_t n = 0; n < 5000; ++n) {
      const auto draw = blend.at(n);
      ASSERT_EQ(draw.ordinal, drawn[draw.dataset]++);
      for (std::size_t i = 0; i < weights.size(); ++i) {
        const double exact = static_cast<double>(n + 1) * weights[i] / total;
        ASSERT_LT(std::abs(static_cast<double>(drawn[i]) - exact), 1.1) << n;
      }
    }
  }
}

TEST(Blend, GivesTinyWeightsAtLeastOneSampleOfAPeriod) {
  const Blend blend({1, 1e-9});
  EXPECT_EQ(blend.shares()[1], 1U);
}

}  // namespace
}  // namespace trireme::tokens
