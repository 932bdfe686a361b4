#include "base/clock.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace trireme::base {
namespace {

TEST(Clock, UtcTextsAreReadBack) {
  EXPECT_EQ(parse_utc("1970-01-01T00:00:00Z"), 0.0);
  EXPECT_EQ(parse_utc("2026-02-28T23:59:59Z").value() + 1, parse_utc("2026-03-01T00:00:00Z"));
  const double before = std::floor(wall_time());
  const auto written = parse_utc(utc_now());
  ASSERT_TRUE(written);
  EXPECT_GE(*written, before);
  EXPECT_LE(*written, wall_time());
}

TEST(Clock, OtherTextsAreNoTime) {
  for (const char* text :
       {"", "yesterday", "2026-02-28T23:59:59", "2026-02-28T23:59:59Z and more", "2026-13-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_utc(text)) << text;
  }
}

}  // namespace
}  // namespace trireme::base
