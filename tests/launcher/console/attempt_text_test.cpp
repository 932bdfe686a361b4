#include "launcher/console/attempt_text.hpp"

#include <gmock/gmock.h>

#include <limits>

namespace trireme::launcher {
namespace {

using testing::HasSubstr;

slurm::Outcome outcome(const char* reason, std::int64_t step, std::int64_t saved) { return {0, reason, step, saved}; }

TEST(LengthText, SaysStepsTokensAndEpochs) {
  EXPECT_EQ(length_text(200, 32, 128, 8953), "200 steps, 819k tokens, 0.715 epochs of data.train");
  EXPECT_EQ(length_text(1, 4, 16, 4), "1 step, 64 tokens, 1 epochs of data.train");
}

TEST(ExpectedText, SaysWhatIsLeft) {
  EXPECT_EQ(expected_text(190, 2.0), "about 6m 20s for the 190 steps left, at 2.0 s a step");
}

TEST(TimeLeftText, SaysWhereTheTimeOfASaveIsFrom) {
  EXPECT_EQ(time_left_text(3720, 12, false),
            "1h 02m left in the job; a save is expected to take 12.0 s (as in the last attempt)");
  EXPECT_EQ(time_left_text(-5, 12, true),
            "0 ms left in the job; a save is expected to take 12.0 s (an estimate until the first one)");
}

TEST(LimitChangedText, SaysWhatIsLeftNow) {
  EXPECT_EQ(limit_changed_text(600), "the job's time limit was changed: 10m 00s left");
  EXPECT_EQ(limit_changed_text(-1), "the job's time limit was changed: 0 ms left");
  EXPECT_EQ(limit_changed_text(std::numeric_limits<double>::infinity()),
            "the job's time limit was changed: it has none now");
}

TEST(EndingText, NeverCountsPastTheEnd) {
  EXPECT_EQ(ending_text(outcome("done", 200, 200), 80, 200, "runs/a"),
            "done: 200 of 200 steps; newest checkpoint: runs/a/checkpoints/step_200");
  EXPECT_EQ(ending_text(outcome("stopped by SIGTERM", 3, 0), 0, 200, "runs/a"),
            "stopped by SIGTERM: 3 of 200 steps; newest checkpoint: none");
  EXPECT_EQ(ending_text(outcome("done", 14, 14), 14, 10, "runs/a"),
            "done: the run is at step 14, past the 10 steps that were asked for; newest checkpoint: "
            "runs/a/checkpoints/step_14");
  EXPECT_THAT(ending_text(outcome("done", 10, 10), 10, 10, "r"), HasSubstr("all 10 steps were done before"));
}

}  // namespace
}  // namespace trireme::launcher
