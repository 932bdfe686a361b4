#include "slurm/queue/command.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temporary_directory.hpp"

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

TEST(RunCommand, StartsProgramsWithNothingBlockedAndNothingIgnoredByUs) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP}) sigaddset(&blocked, signal);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
  const std::vector<std::string> words = {"grep", "-E", "SigBlk|SigIgn", "/proc/self/status"};
  const auto plain = run_command(words);
  const auto limited = run_command_within(60, words);
  std::signal(SIGXFSZ, ignored);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const auto own = run_command(words);
  EXPECT_EQ(plain->output, own->output);
  EXPECT_EQ(limited->output, own->output);
  EXPECT_EQ(plain->output.substr(0, 25), "SigBlk:\t0000000000000000\n");
}

TEST(RunCommand, IsNothingForAMissingProgram) { EXPECT_FALSE(run_command({"no-such-program-here"})); }

TEST(RunCommandWithin, ReturnsWhatEndsInTime) {
  const auto result = run_command_within(60, {"sh", "-c", "echo out; exit 3"});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->output, "out\n");
  EXPECT_EQ(result->exit_code, 3);
}

TEST(RunCommandWithin, KillsWhatDoesNotWithAllItStarted) {
  const tests::TemporaryDirectory directory;
  const std::string pid_file = (directory.path() / "pid").string();
  const auto late = run_command_within(0.5, {"sh", "-c", "sleep 600 & echo $! > " + pid_file + "; wait"});
  ASSERT_TRUE(late) << "the program is there";
  EXPECT_EQ(late->exit_code, kNoAnswer);
  EXPECT_EQ(late->error, "no answer within 0.5 s");
  const auto closed = run_command_within(0.2, {"sh", "-c", "exec >&- 2>&-; sleep 600"});
  EXPECT_EQ(closed->exit_code, kNoAnswer) << "it closed its pipes";
  std::ifstream in(pid_file);
  pid_t child = 0;
  ASSERT_TRUE(in >> child);
  // Killed it is a zombie until whoever inherited it looks.
  std::ifstream state("/proc/" + std::to_string(child) + "/stat");
  std::string line;
  const bool there = static_cast<bool>(std::getline(state, line));
  EXPECT_TRUE(!there || line.substr(line.rfind(')') + 2, 1) == "Z") << line;
}

TEST(OutputOf, IsOnlyWhatASuccessPrinted) {
  EXPECT_EQ(output_of(run_command, {"echo", "a b", "c"}), "a b c\n");
  EXPECT_EQ(output_of(run_command, {"no-such-program-here"}), std::nullopt);
  EXPECT_EQ(output_of(run_command, {"false"}), std::nullopt);
}

}  // namespace
}  // namespace trireme::slurm
