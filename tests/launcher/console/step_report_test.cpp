#include "launcher/console/step_report.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

constexpr StepReport kReport = {.step = 120,
                                .steps = 1000,
                                .loss = 3.45123,
                                .grad_norm = 0.812,
                                .lr = 3e-4,
                                .seconds = 0.332,
                                .tokens_per_second = 12345,
                                .peak_share = 0.41,
                                .seconds_left = 192};

TEST(FormatStep, IsOneReadableLine) {
  EXPECT_EQ(format_step(kReport),
            "step  120/1000  loss 3.4512  norm 0.812  lr 3.00e-04  332 ms  12.3k tokens/s  41% of peak  eta 3m 12s");
}

TEST(FormatStep, LeavesOutAShareOfThePeakThatIsNotKnown) {
  StepReport report = kReport;
  report.peak_share.reset();
  EXPECT_EQ(format_step(report),
            "step  120/1000  loss 3.4512  norm 0.812  lr 3.00e-04  332 ms  12.3k tokens/s  eta 3m 12s");
}

TEST(FormatStep, LeavesOutWhatIsNeededLeastInANarrowWindow) {
  EXPECT_EQ(format_step(kReport, 80), "step  120/1000  loss 3.4512  lr 3.00e-04  332 ms  12.3k tokens/s  eta 3m 12s");
  EXPECT_EQ(format_step(kReport, 40), "step  120/1000  loss 3.4512  eta 3m 12s");
  EXPECT_EQ(format_step(kReport, 20), "step  120/1000");
  EXPECT_EQ(format_step(kReport, 1), "step  120/1000");
}

TEST(FormatStepBar, FitsAnyWindowAndIsNothingInANarrowOne) {
  for (std::size_t width = 0; width <= 200; ++width) EXPECT_LE(format_step_bar(kReport, width).size(), width);
  EXPECT_EQ(format_step_bar(kReport, 39), "");
  EXPECT_EQ(format_step_bar(kReport, 40), "[>        ] step  120/1000  eta 3m 12s");
  EXPECT_EQ(format_step_bar(kReport, 79), "[=>              ] step  120/1000  loss 3.4512  12.3k tokens/s  eta 3m 12s");
  StepReport past = kReport;
  past.step = 1400;
  EXPECT_LE(format_step_bar(past, 50).size(), 50U);
}

}  // namespace
}  // namespace trireme::launcher
