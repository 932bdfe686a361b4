#include "slurm/queue/command.hpp"

#include <gtest/gtest.h>

namespace trireme::slurm {
namespace {

TEST(RunCommand, ReturnsOutputErrorAndCode) {
  const auto result = run_command({"sh", "-c", "echo out; echo err >&2; exit 3"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->error, "err\n");
  EXPECT_EQ(result->exit_code, 3);
}

TEST(RunCommand, TakesMuchOfBothStreams) {
  const auto result = run_command({"sh", "-c", "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output.size(), 300000U);
  EXPECT_EQ(result->error.size(), 300000U);
}

TEST(RunCommand, GivesNoInputAndTellsOfSignals) {
  EXPECT_EQ(run_command({"cat"})->output, "");
  EXPECT_EQ(run_command({"sh", "-c", "kill -TERM $$"})->exit_code, 128 + 15);
}

TEST(RunCommand, IsNothingForAMissingProgram) { EXPECT_FALSE(run_command({"no-such-program-here"})); }

TEST(OutputOf, IsOnlyWhatASuccessPrinted) {
  EXPECT_EQ(output_of(run_command, {"echo", "a b", "c"}), "a b c\n");
  EXPECT_EQ(output_of(run_command, {"no-such-program-here"}), std::nullopt);
  EXPECT_EQ(output_of(run_command, {"false"}), std::nullopt);
}

}  // namespace
}  // namespace trireme::slurm
