#include "launcher/format.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

TEST(FormatDuration, ChoosesReadableUnits) {
  EXPECT_EQ(format_duration(0.85), "850 ms");
  EXPECT_EQ(format_duration(12.34), "12.3 s");
  EXPECT_EQ(format_duration(192), "3m 12s");
  EXPECT_EQ(format_duration(7500), "2h 05m");
  EXPECT_EQ(format_duration(100800), "1d 04h");
}

TEST(FormatCount, KeepsThreeDigits) {
  EXPECT_EQ(format_count(950), "950");
  EXPECT_EQ(format_count(12345), "12.3k");
  EXPECT_EQ(format_count(4.56e6), "4.56M");
}

TEST(FormatBytes, KeepsThreeDigits) {
  EXPECT_EQ(format_bytes(512), "512 B");
  EXPECT_EQ(format_bytes(1.5e6), "1.50 MB");
  EXPECT_EQ(format_bytes(27.3e9), "27.3 GB");
}

TEST(WithCommas, GroupsByThousands) {
  EXPECT_EQ(with_commas(12), "12");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
}

TEST(FormatTable, AlignsByWhatATerminalShows) {
  EXPECT_EQ(format_table({{"n", "layout", "state"}, {"10", "tp2\u00b7pp2", "done"}}, {0}),
            " n  layout   state\n10  tp2\u00b7pp2  done\n");
}

}  // namespace
}  // namespace trireme::launcher
