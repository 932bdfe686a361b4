#include "launcher/supervisor/program_outcome.hpp"

#include <gtest/gtest.h>

namespace trireme::launcher {
namespace {

ProgramEnd ended(int code) {
  ProgramEnd end;
  end.launcher_code = code;
  return end;
}

ProgramEnd asked(int code) {
  ProgramEnd end = ended(code);
  end.stop_reason = "stopped by SIGTERM";
  end.stop_seconds = 30;
  return end;
}

TEST(ProgramOutcome, TheExitCodesOfTheContract) {
  EXPECT_EQ(program_outcome(ended(0)).exit_code, 0);
  EXPECT_EQ(program_outcome(ended(0)).reason, "done");
  EXPECT_EQ(program_outcome(ended(2)).exit_code, 2);
  EXPECT_EQ(program_outcome(ended(75)).exit_code, 75);
  EXPECT_TRUE(program_outcome(ended(75)).come_back);
  EXPECT_EQ(program_outcome(ended(1)).exit_code, 1);
  EXPECT_EQ(program_outcome(ended(3)).reason, "failed: the program ended with exit code 3");
  EXPECT_EQ(program_outcome(ended(128 + 9)).reason, "failed: the program was ended by signal 9 (Killed)");
}

TEST(ProgramOutcome, WhatARankLeftWinsOverTheLaunchersCode) {
  ProgramEnd end = ended(1);
  end.launcher = "torchrun";
  end.rank = RankEnd{75, 0, "n1"};
  EXPECT_EQ(program_outcome(end).exit_code, 75);
  end.rank = RankEnd{2, 0, "n1"};
  EXPECT_EQ(program_outcome(end).exit_code, 2);
  end.rank.reset();
  EXPECT_EQ(program_outcome(end).reason, "failed: torchrun ended with exit code 1");
}

TEST(ProgramOutcome, AFailureNamesTheHostUnlessItIsRank0s) {
  ProgramEnd end = ended(1);
  end.rank = RankEnd{139, 3, "n2"};
  EXPECT_EQ(program_outcome(end).reason, "failed on n2: rank 3 was ended by signal 11 (Segmentation fault)");
  end.rank = RankEnd{1, 0, "n1"};
  EXPECT_EQ(program_outcome(end).reason, "failed: the program ended with exit code 1");
}

TEST(ProgramOutcome, AskedToStopItStoppedWhateverItsCode) {
  EXPECT_EQ(program_outcome(asked(75)).reason, "stopped by SIGTERM");
  EXPECT_EQ(program_outcome(asked(143)).exit_code, 75);
  EXPECT_EQ(program_outcome(asked(143)).reason, "stopped by SIGTERM; the program was ended by signal 15 (Terminated)");
  ProgramEnd late = asked(137);
  late.killed = true;
  EXPECT_EQ(program_outcome(late).reason, "stopped by SIGTERM; the program did not end within 30 s and was killed");
  EXPECT_EQ(program_outcome(asked(2)).exit_code, 2);
}

TEST(ProgramOutcome, AskedToStopAndLeavingWith0ItIsDoneOnlyIfItDidAllSteps) {
  ProgramEnd end = asked(0);
  EXPECT_EQ(program_outcome(end).exit_code, 0);  // it says nothing of steps: its word counts
  end.progress.steps = 100;
  end.progress.step = 40;
  end.progress.saved_step = 40;
  EXPECT_EQ(program_outcome(end).exit_code, 75);
  EXPECT_EQ(program_outcome(end).saved_step, 40);
  end.progress.step = 100;
  EXPECT_EQ(program_outcome(end).exit_code, 0);
}

TEST(ProgramOutcome, APauseIsNeverTheEnd) {
  ProgramEnd end = asked(0);
  end.stop_reason = "paused at step 9";
  EXPECT_EQ(program_outcome(end).exit_code, 75);  // though it says nothing of its steps
}

TEST(ProgramOutcome, StepsNeverFallBehindWhereTheAttemptBegan) {
  ProgramEnd end = ended(1);
  end.first_step = 50;
  EXPECT_EQ(program_outcome(end).step, 50);
  EXPECT_EQ(program_outcome(end).saved_step, 50);
}

}  // namespace
}  // namespace trireme::launcher
