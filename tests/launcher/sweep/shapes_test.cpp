#include "launcher/sweep/shapes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using testing::ElementsAre;

std::vector<TrialShape> shapes(const std::vector<std::string>& keys) {
  return shapes_of(keys.size(), [&](std::size_t trial) { return keys[trial]; });
}

TEST(Shapes, AreNumberedByTheirFirstTrials) {
  const auto few = shapes({"b", "a", "b"});
  ASSERT_EQ(few.size(), 2U);
  EXPECT_THAT(few[0].trials, ElementsAre(0U, 2U));
  EXPECT_THAT(few[1].trials, ElementsAre(1U));
  const auto more = shapes({"b", "a", "b", "c", "a"});
  EXPECT_EQ(more[0].key, "b");
  EXPECT_EQ(more[1].key, "a") << "more trials change no number";
}

TEST(Shapes, ShareWorkersInProportionToTheirTrials) {
  const auto all = shapes({"a", "a", "a", "a", "a", "a", "b", "b", "c"});
  EXPECT_THAT(share_workers(3, all), ElementsAre(1, 1, 1));
  EXPECT_THAT(share_workers(6, all), ElementsAre(4, 1, 1));
  EXPECT_THAT(share_workers(100, all), ElementsAre(6, 2, 1)) << "no worker without a trial";
  try {
    (void)share_workers(2, all);
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("--max-running 3"));
  }
}

TEST(Shapes, APriceIsTheMeanOverAllTrials) {
  EXPECT_EQ(mean_price({3, 1}, {10.0, 30.0}), 15.0);
  EXPECT_EQ(mean_price({3, 1}, {10.0, std::nullopt}), std::nullopt);
}

}  // namespace
}  // namespace trireme::launcher
