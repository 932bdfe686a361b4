#include "base/display_width.hpp"

#include <gmock/gmock.h>

namespace trireme::base {
namespace {

using testing::ElementsAre;

TEST(DisplayWidth, CountsCellsNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("tp2·pp2"), 7U);
  EXPECT_EQ(display_width("聖書"), 4U);
  EXPECT_EQ(display_width("한국어"), 6U);
  EXPECT_EQ(display_width("🙂"), 2U);
  EXPECT_EQ(display_width("e\u0301"), 1U) << "a combining accent";
  EXPECT_EQ(display_width("\xff\xc3"), 2U) << "no UTF-8";
}

TEST(CutMiddle, KeepsBothEndsInTheRoomThereIs) {
  EXPECT_EQ(cut_middle("runs/bible", 10), "runs/bible");
  EXPECT_EQ(cut_middle("/scratch/project/ann/runs/bible-llama-1b", 20), "/scrat…ible-llama-1b");
  EXPECT_EQ(cut_middle("聖書聖書聖書", 7), "聖…聖書");
  for (std::size_t width = 0; width < 30; ++width) {
    EXPECT_LE(display_width(cut_middle("/scratch/聖書/runs/llama", width)), width);
  }
}

TEST(Wrapped, BreaksAtBlanksAndLongWordsAnywhere) {
  EXPECT_THAT(wrapped("stopped by ann's request", 12), ElementsAre("stopped by", "ann's", "request"));
  EXPECT_THAT(wrapped("a b", 10), ElementsAre("a b"));
  EXPECT_THAT(wrapped("", 10), ElementsAre(""));
  EXPECT_THAT(wrapped("abcdefgh ij", 3), ElementsAre("abc", "def", "gh", "ij"));
  EXPECT_THAT(wrapped("one\ntwo three", 5), ElementsAre("one", "two", "three"));
  EXPECT_THAT(wrapped("聖書", 1), ElementsAre("聖", "書"));
}

}  // namespace
}  // namespace trireme::base
