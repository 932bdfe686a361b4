// The batch script of a sweep's worker.
#include "slurm/submit/sweep_script.hpp"

#include <gmock/gmock.h>

#include "tests/slurm/submit/script_run.hpp"

namespace trireme::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kGo = "go\n1\n--host n1:2 -n 2\n--parallel.dp=2\n/tmp/own.1\n/dev/shm/own.1\n";
constexpr const char* kPaused = "end\n75\n\n";

class SweepScript : public BatchScriptRun {
 protected:
  SweepScript() {
    plan_.runs = {{"sweep-lr", "", path("sweeps/l r")}};
    plan_.sweep = ScriptSweep{path("sweeps/l r"), 3};
    plan_.at_once = 3;
  }

  std::string trial(int number, int pause, int before) const {
    const std::string directory = path("sweeps/l r/trial_" + std::to_string(number));
    std::filesystem::create_directories(directory + "/logs");
    return "run\n" + std::to_string(number) + "\n" + directory + "/trial.ini\n" + directory + "\n" +
           std::to_string(pause) + "\n" + std::to_string(before) + "\n";
  }
};

TEST_F(SweepScript, IsAnArrayOfWorkers) {
  const std::string text = batch_script(plan_, site_);
  EXPECT_THAT(text, HasSubstr("#SBATCH --job-name=sweep-lr\n"));
  EXPECT_THAT(text, HasSubstr("#SBATCH --array=0-2%3\n"));
  EXPECT_THAT(text, HasSubstr("/job.%A_%a.log"));
  EXPECT_THAT(text, Not(HasSubstr("requeuehold")));
}

TEST_F(SweepScript, TakesTrialsOneAfterTheOtherAndSaysHowTheyEnded) {
  answer("trireme", 1, 0, trial(4, 9, 0));
  answer("trireme", 2, 0, kGo);
  answer("trireme", 3, 0, kPaused);
  answer("trireme", 4, 0, trial(2, 0, 3));
  answer("trireme", 5, 0, kGo);
  answer("trireme", 6, 0, "end\n0\n\n");
  answer("trireme", 7, 0, "end\n0\n\n");
  EXPECT_EQ(run(), 0);
  const auto calls = lines("trireme.calls");
  ASSERT_EQ(calls.size(), 7U);
  EXPECT_THAT(calls[0], HasSubstr("job|trial|" + path("sweeps/l r") + "|--process|"));
  EXPECT_THAT(calls[0], HasSubstr("|--taken|0|--shape|0|--requeue|"));
  EXPECT_THAT(calls[1], HasSubstr("job|next|" + path("sweeps/l r/trial_4/trial.ini") + "|"));
  EXPECT_THAT(calls[3], HasSubstr("|--taken|1|"));
  EXPECT_THAT(calls[3], HasSubstr("|--last|4|--ended|end|--code|75|"));
  EXPECT_THAT(calls[4], HasSubstr("|--before|3|"));
  EXPECT_THAT(calls[6], HasSubstr("|--last|2|--ended|end|--code|0|"));
  EXPECT_THAT(calls[6], HasSubstr("|--before|3|")) << "a report that is repeated is told from a new one";
  const auto starts = lines("mpirun.calls");
  ASSERT_EQ(starts.size(), 2U);
  EXPECT_THAT(starts[0], HasSubstr("/trial_4|--run.pause_at=9|"));
  EXPECT_THAT(starts[1], HasSubstr("/trial_2|--run.pause_at=0|"));
  EXPECT_TRUE(lines("scontrol.calls").empty());
}

TEST_F(SweepScript, ReportsATrialThatItLeavesBehindBeforeItIsRequeued) {
  answer("trireme", 1, 0, trial(0, 9, 0));
  answer("trireme", 2, 0, kGo);
  answer("trireme", 3, 0, "requeue\n75\n\n");
  answer("trireme", 4, 0, "requeue\n75\n\n");
  EXPECT_EQ(run(), 75);
  EXPECT_THAT(lines("trireme.calls")[3], HasSubstr("|--last|0|--ended|requeue|--code|75|"));
  EXPECT_THAT(lines("scontrol.calls"), ElementsAre("requeue|7|"));
}

TEST_F(SweepScript, IsRequeuedAlsoWhenTheReportFails) {
  answer("trireme", 1, 0, trial(0, 9, 0));
  answer("trireme", 2, 0, "requeue\n75\n\n");
  answer("trireme", 3, 1);
  EXPECT_EQ(run(), 75);
  EXPECT_EQ(lines("trireme.calls").size(), 3U) << "the job may have seconds left: the report is tried once";
  EXPECT_THAT(lines("scontrol.calls"), ElementsAre("requeue|7|"));
}

TEST_F(SweepScript, DoesNotComeBackWhenTheSweepWasStopped) {
  answer("trireme", 1, 0, trial(0, 9, 0));
  answer("trireme", 2, 0, "requeue\n75\n\n");
  answer("trireme", 3, 0, "end\n75\n\n");
  EXPECT_EQ(run(), 75);
  EXPECT_TRUE(lines("scontrol.calls").empty());
}

TEST_F(SweepScript, AsksAgainWhenItIsToWaitAndWhenTheQuestionFails) {
  answer("trireme", 1, 0, "wait\n0\n\n");
  answer("trireme", 2, 1);
  answer("trireme", 3, 0, "end\n0\n\n");
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(lines("trireme.calls").size(), 3U);
  answer("trireme", 4, 2);
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(lines("trireme.calls").size(), 4U) << "bad input is not asked about again";
}

TEST_F(SweepScript, ParksInTheQueue) {
  plan_.sweep->parks = true;
  plan_.sweep->shape = 1;
  answer("trireme", 1, 0, "park\n0\n\n");
  EXPECT_EQ(run(), 0);
  EXPECT_THAT(lines("trireme.calls")[0], HasSubstr("|--shape|1|--parks|--requeue|"));
  EXPECT_THAT(lines("scontrol.calls"), ElementsAre("requeuehold|7|"));
}

TEST_F(SweepScript, AskedToEndItTakesNoOtherTrial) {
  program("mpirun", "kill -USR1 $PPID; sleep 0.1\n");
  answer("trireme", 1, 0, trial(0, 9, 0));
  answer("trireme", 2, 0, kGo);
  answer("trireme", 3, 0, kPaused);
  answer("trireme", 4, 0, "requeue\n75\n\n");
  EXPECT_EQ(run(), 75);
  EXPECT_THAT(lines("trireme.calls")[3], HasSubstr("|--leaving|--last|0|--ended|end|"));
}

TEST_F(SweepScript, WhatRunsIsAskedToSaveWhenTheSweepIsToStop) {
  program("mpirun", "trap 'echo told >>\"$FAKE/told\"; exit' USR1; for ((i = 0; i < 300; ++i)); do sleep 0.1; done\n");
  std::filesystem::create_directories(path("sweeps/l r/control"));
  std::ofstream(path("sweeps/l r/control/stop")) << "{}";
  answer("trireme", 1, 0, trial(0, 9, 0));
  answer("trireme", 2, 0, kGo);
  answer("trireme", 3, 0, "requeue\n75\n\n");
  answer("trireme", 4, 0, "end\n75\n\n");
  EXPECT_EQ(run(), 75);
  EXPECT_THAT(lines("told"), ElementsAre("told"));
}

}  // namespace
}  // namespace trireme::slurm
