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

}  // namespace
}  // namespace trireme::base
