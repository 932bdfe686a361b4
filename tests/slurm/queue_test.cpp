#include "slurm/queue.hpp"

#include <gtest/gtest.h>

namespace trireme::slurm {
namespace {

TEST(IsRunning, KnowsTheStatesInWhichAJobMayStillWrite) {
  EXPECT_TRUE(is_running("RUNNING\n"));
  EXPECT_TRUE(is_running("COMPLETING\n"));
  EXPECT_TRUE(is_running("PENDING\nRUNNING\n"));
  EXPECT_FALSE(is_running("PENDING\n"));
  EXPECT_FALSE(is_running(""));
}

TEST(OutputOf, ReturnsWhatTheProgramPrints) { EXPECT_EQ(output_of({"echo", "a b", "c"}), "a b c\n"); }

TEST(OutputOf, IsNothingForAMissingOrFailingProgram) {
  EXPECT_EQ(output_of({"no-such-program-here"}), std::nullopt);
  EXPECT_EQ(output_of({"false"}), std::nullopt);
}

}  // namespace
}  // namespace trireme::slurm
