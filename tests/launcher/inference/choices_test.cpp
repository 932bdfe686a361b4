#include "launcher/inference/choices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

TEST(BestOf, IsTheFirstOfEquals) {
  EXPECT_EQ(best_of({-3, -1, -2}), 1U);
  EXPECT_EQ(best_of({-2, -1, -1}), 1U);
  EXPECT_EQ(best_of({-5}), 0U);
}

TEST(PerCharacter, CountsCodePoints) {
  EXPECT_THAT(per_character({-6, -6}, {"abc", "\xC3\xA9"}), testing::ElementsAre(-2, -6));
}

TEST(PerByte, CountsBytesOfUtf8) { EXPECT_THAT(per_byte({-6, -6}, {"abc", "\xC3\xA9"}), testing::ElementsAre(-2, -3)); }

TEST(Accuracy, HasTheStandardErrorOfAMean) {
  Accuracy accuracy;
  EXPECT_FALSE(accuracy.share());
  for (const bool right : {true, false, true, true}) accuracy.add(right);
  EXPECT_DOUBLE_EQ(*accuracy.share(), 0.75);
  EXPECT_DOUBLE_EQ(*accuracy.standard_error(), 0.25);  // sqrt(0.75 * 0.25 / 3)
  Accuracy one;
  one.add(true);
  EXPECT_FALSE(one.standard_error());
}

}  // namespace
}  // namespace trireme::launcher
