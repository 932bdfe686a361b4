#include "base/words.hpp"

#include <gtest/gtest.h>

namespace trireme::base {
namespace {

TEST(Words, AreJoinedWithSeparatorsBetweenThem) {
  EXPECT_EQ(join({}), "");
  EXPECT_EQ(join({"a"}), "a");
  EXPECT_EQ(join({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(join({"", "b", ""}, "|"), "|b|");
}

TEST(Words, LoseTheBlanksAroundThem) {
  EXPECT_EQ(trimmed(" \t a b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \n"), "");
  EXPECT_EQ(trimmed(""), "");
}

}  // namespace
}  // namespace trireme::base
