#include "launcher/step_report.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

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
