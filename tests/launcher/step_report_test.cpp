#include "launcher/step_report.hpp"

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

TEST(FormatStep, IsOneReadableLine) {
  EXPECT_EQ(format_step({.step = 120,
                         .steps = 1000,
                         .loss = 3.45123,
                         .grad_norm = 0.812,
                         .lr = 3e-4,
                         .tokens_per_second = 12345,
                         .peak_share = 0.41,
                         .seconds_left = 192}),
            "step  120/1000  loss 3.4512  norm 0.812  lr 3.00e-04  12.3k tokens/s  41% of peak  eta 3m 12s");
}

}  // namespace
}  // namespace trireme::launcher
