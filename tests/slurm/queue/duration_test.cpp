#include "slurm/queue/duration.hpp"

#include <gtest/gtest.h>

namespace trireme::slurm {
namespace {

TEST(ParseDuration, ReadsEveryFormOfSbatch) {
  EXPECT_EQ(parse_duration("90"), 5400);
  EXPECT_EQ(parse_duration("1:30"), 90);
  EXPECT_EQ(parse_duration("2:00:01"), 7201);
  EXPECT_EQ(parse_duration("1-2"), 93600);
  EXPECT_EQ(parse_duration("1-2:3"), 93780);
  EXPECT_EQ(parse_duration("1-02:03:04"), 93784);
}

TEST(ParseDuration, RefusesAnythingElse) {
  for (const char* text : {"", "UNLIMITED", "INVALID", "-1", "1-", "1:2:3:4", "1-1:2:3:4", "1:", ":1", "1h", " 1",
                           "99999999999999999999", "-"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(FormatSlurmDuration, IsReadBack) {
  EXPECT_EQ(format_slurm_duration(59), "00:00:59");
  EXPECT_EQ(format_slurm_duration(93784), "1-02:03:04");
  for (const std::int64_t seconds : {0, 1, 3600, 86399, 86400, 864001}) {
    EXPECT_EQ(parse_duration(format_slurm_duration(seconds)), seconds);
  }
}

}  // namespace
}  // namespace trireme::slurm
