#include "launcher/supervisor/program_processes.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace trireme::launcher {
namespace {

TEST(SignalTargets, TheProcessThatEachRanksStarterMade) {
  // 10 and 20 are ranks of two starters (1 and 2); 11 and 12 are what the first one started.
  EXPECT_EQ(signal_targets({{10, 1, false}, {11, 10, false}, {12, 11, false}, {20, 2, false}}),
            (std::vector<pid_t>{10, 20}));
}

TEST(SignalTargets, AShellThatWaitsAndThenWhatItWaitsFor) {
  EXPECT_EQ(signal_targets({{11, 10, false}, {10, 1, true}, {12, 11, false}}), (std::vector<pid_t>{10, 11}));
  EXPECT_EQ(signal_targets({{10, 1, true}}), (std::vector<pid_t>{10}));
}

TEST(SignalTargets, AShellDeeperDownIsTheProgramsOwn) {
  EXPECT_EQ(signal_targets({{10, 1, false}, {11, 10, true}, {12, 11, false}}), (std::vector<pid_t>{10}));
}

TEST(SignalNumber, KnowsTheNamesOfTheOption) {
  EXPECT_EQ(signal_number("USR1"), SIGUSR1);
  EXPECT_EQ(signal_number("TERM"), SIGTERM);
  EXPECT_EQ(signal_number("none"), 0);
}

TEST(FindProcesses, NoneHasATokenThatNobodyWasGiven) {
  EXPECT_TRUE(find_processes("TRIREME_PROGRAM", "no-attempt-has-this-token").empty());
}

}  // namespace
}  // namespace trireme::launcher
