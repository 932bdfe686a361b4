#include "launcher/options/stop_rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace trireme::options {
namespace {

using Kind = StopRule::Kind;

TEST(StopRule, IsReadAndWritten) {
  EXPECT_EQ(parse_stop_rule(""), StopRule{});
  EXPECT_EQ(parse_stop_rule("  "), StopRule{});
  EXPECT_EQ(parse_stop_rule("plateau 3"), (StopRule{Kind::kPlateau, 3, 0.0}));
  EXPECT_EQ(parse_stop_rule(" target   2.50 "), (StopRule{Kind::kTarget, 0, 2.5}));
  EXPECT_EQ(to_string(StopRule{}), "");
  EXPECT_EQ(to_string(parse_stop_rule("plateau 03")), "plateau 3");
  EXPECT_EQ(to_string(parse_stop_rule("target 25e-1")), "target 2.5");
}

TEST(StopRule, AnythingElseIsRefusedWithBothForms) {
  for (const char* text : {"plateau", "plateau 0", "plateau -1", "plateau 1.5", "plateau 3 4", "target", "target 0",
                           "target nan", "target inf", "target -1", "target 2.5x", "best 3", "3", "plateau3"}) {
    try {
      parse_stop_rule(text);
      ADD_FAILURE() << text << " was accepted";
    } catch (const base::InputError& error) {
      EXPECT_THAT(error.what(), testing::HasSubstr("train.stop_when"));
      EXPECT_THAT(error.what(), testing::AllOf(testing::HasSubstr("plateau N"), testing::HasSubstr("target X")));
    }
  }
}

}  // namespace
}  // namespace trireme::options
