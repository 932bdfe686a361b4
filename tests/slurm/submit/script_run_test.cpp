#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/slurm/submit/script_run.hpp"

namespace trireme::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGo = "go\n1\n--host n1:2 -n 2\n--parallel.dp=2\n/tmp/own.1\n/dev/shm/own.1\n";

TEST_F(BatchScriptRun, TrainsAndEnds) {
  answer("trireme", 1, 0, kGo);
  answer("mpirun", 1, 0);
  answer("trireme", 2, 0, "end\n0\n\n");
  EXPECT_EQ(run(), 0);
  ASSERT_EQ(lines("mpirun.calls").size(), 1U);
  EXPECT_THAT(lines("mpirun.calls")[0],
              HasSubstr("|train|" + plan_.runs[0].run_file + "|--run.dir=" + run_directory()));
  EXPECT_THAT(lines("mpi"), testing::UnorderedElementsAre("OMPI_MCA_orte_tmpdir_base=/tmp/own.1",
                                                          "OMPI_MCA_btl_vader_backing_directory=/dev/shm/own.1"));
  EXPECT_THAT(lines("trireme.calls")[1], HasSubstr("|--attempt|1|--attempts|1|--launcher-exit|0|"));
  EXPECT_TRUE(lines("scontrol.calls").empty());
}

TEST_F(BatchScriptRun, AsksAgainWhenSlurmDoesNotTakeTheRequeue) {
  answer("trireme", 1, 0, kGo);
  answer("trireme", 2, 0, "requeue\n75\n\n");
  answer("scontrol", 1, 1);
  answer("scontrol", 2, 1);
  EXPECT_EQ(run(), 75);
  EXPECT_THAT(lines("scontrol.calls"), ElementsAre("requeue|7|", "requeue|7|", "requeue|7|"));
}

TEST_F(BatchScriptRun, GivesUpTheRequeueInTheEnd) {
  answer("trireme", 1, 0, "requeue\n75\n\n");
  for (int call = 1; call <= 9; ++call) answer("scontrol", call, 1);
  EXPECT_EQ(run(), 75);
  EXPECT_EQ(lines("scontrol.calls").size(), 4U);
}

TEST_F(BatchScriptRun, AsksJobNextAgainWhenItFails) {
  answer("trireme", 1, 1);
  answer("trireme", 2, 137);
  answer("trireme", 3, 0, kGo);
  answer("trireme", 4, 126);
  answer("trireme", 5, 0, "requeue\n75\n\n");
  EXPECT_EQ(run(), 75);
  EXPECT_EQ(lines("mpirun.calls").size(), 1U);
  EXPECT_EQ(lines("scontrol.calls").size(), 1U);
  // The same question both times.
  EXPECT_EQ(lines("trireme.calls")[3], lines("trireme.calls")[4]);
}

TEST_F(BatchScriptRun, DoesNotAskAgainAboutBadInput) {
  answer("trireme", 1, 2);
  EXPECT_EQ(run(), 2);
  EXPECT_EQ(lines("trireme.calls").size(), 1U);
  EXPECT_TRUE(lines("mpirun.calls").empty());
}

TEST_F(BatchScriptRun, EndsWithJobNextsCodeWhenItNeverAnswers) {
  for (int call = 1; call <= 9; ++call) answer("trireme", call, 1);
  EXPECT_EQ(run(), 1);
  EXPECT_EQ(lines("trireme.calls").size(), 4U);
}

TEST_F(BatchScriptRun, RequeuesWhereNoNewJobIsTaken) {
  site_.submit_from_nodes = true;
  answer("trireme", 1, 0, "resubmit\n1\nn2\n");
  answer("sbatch", 1, 1);
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(lines("sbatch.calls"), ElementsAre(HasSubstr("--exclude=n2|"), HasSubstr("--exclude=n2|")));
  EXPECT_THAT(lines("leaked"), ElementsAre("0", "0"));
  EXPECT_TRUE(lines("scontrol.calls").empty());
  for (int call = 3; call <= 9; ++call) answer("sbatch", call, 1);
  answer("trireme", 2, 0, "resubmit\n1\nn2\n");
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(lines("scontrol.calls"), ElementsAre("requeue|7|"));
}

TEST_F(BatchScriptRun, ASpareJobHandsItsRunToAJobOfAnotherSize) {
  plan_.spare = ScriptSpare{4, 86400};
  // Its watch runs beside the ranks: its call has no place among the others.
  program("trireme", "");
  std::ifstream plain(path("bin/trireme"));
  std::string text{std::istreambuf_iterator<char>(plain), {}};
  text.insert(text.find('\n') + 1,
              "[ \"$2\" = spare ] && { printf '%s|' \"$@\" >\"$FAKE/watch.$$\"; exec sleep 100; }\n");
  std::ofstream(path("bin/trireme")) << text;
  answer("trireme", 1, 0, kGo);
  answer("mpirun", 1, 0);
  answer("trireme", 2, 0, "slice\n75\n--nodes=1-4 --time=00:10:00 --dependency=afterany:7\n");
  EXPECT_EQ(run(), 0);
  EXPECT_THAT(lines("sbatch.calls"),
              ElementsAre("--nodes=1-4|--time=00:10:00|--dependency=afterany:7|" + path("script") + "|"));
  EXPECT_THAT(lines("leaked"), ElementsAre("0"));
  EXPECT_TRUE(lines("scontrol.calls").empty());
}

TEST_F(BatchScriptRun, ASpareJobIsRequeuedWhereNodesMayNotSubmit) {
  plan_.spare = ScriptSpare{4, 86400};
  answer("trireme", 1, 0, "slice\n75\n--nodes=1-4 --time=00:10:00 --dependency=afterany:7\n");
  answer("sbatch", 1, 1);
  EXPECT_EQ(run(), 75);
  EXPECT_EQ(lines("sbatch.calls").size(), 1U);
  EXPECT_THAT(lines("scontrol.calls"), ElementsAre("requeue|7|"));
}

TEST_F(BatchScriptRun, ASpareJobWhoseSuccessorWasTakenWithoutAnAnswerIsNotRequeued) {
  plan_.spare = ScriptSpare{4, 86400};
  program("squeue", "");
  answer("trireme", 1, 0, "slice\n75\n--nodes=1-4 --time=00:10:00 --dependency=afterany:7\n");
  answer("sbatch", 1, 124);
  answer("squeue", 1, 1);  // the controller is still busy
  answer("squeue", 2, 0, "(null)\nafterany:17(unfulfilled)\nafterany:7(unfulfilled)\n");
  EXPECT_EQ(run(), 0);
  EXPECT_TRUE(lines("scontrol.calls").empty()) << "two jobs of one run";
  answer("trireme", 2, 0, "slice\n75\n--nodes=1-4 --time=00:10:00 --dependency=afterany:7\n");
  answer("sbatch", 2, 124);
  answer("squeue", 3, 0, "afterany:17(unfulfilled)\nafterany:70(unfulfilled)\n");
  EXPECT_EQ(run(), 75);
  EXPECT_THAT(lines("scontrol.calls"), ElementsAre("requeue|7|"));
}

TEST_F(BatchScriptRun, TriesForLongerThanAGraceLasts) {
  site_.partitions[0].grace = 1200;
  site_.kill_wait = 30;
  EXPECT_THAT(batch_script(plan_, site_), HasSubstr("tries=86 pause=15\n"));
}

}  // namespace
}  // namespace trireme::slurm
