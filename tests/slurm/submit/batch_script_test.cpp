#include "slurm/submit/batch_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/error.hpp"
#include "slurm/queue/command.hpp"
#include "tests/slurm/submit/sample_site.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::slurm {
namespace {

using testing::HasSubstr;
using testing::Not;

ScriptPlan sample_plan(const Site& site) {
  ScriptPlan plan;
  plan.runs = {{"bible", "/home/ann/bible.ini", "/scratch/ann/runs/bible"}};
  plan.program = "/opt/trireme/bin/trireme";
  plan.work_directory = "/home/ann";
  plan.log_directory = "/scratch/ann/runs/bible/logs";
  plan.request.nodes = 2;
  plan.geometry = plan_geometry(plan.request, site);
  plan.launcher = choose_launcher(plan.request, site);
  plan.mpirun_grace = mpirun_grace(plan.request, site, 0);
  return plan;
}

TEST(BatchScript, AsksForWhatTheRunNeeds) {
  const Site site = sample_site();
  const std::string text = batch_script(sample_plan(site), site);
  for (const char* line : {"#SBATCH --job-name=bible\n", "#SBATCH --nodes=2\n", "#SBATCH --ntasks-per-node=8\n",
                           "#SBATCH --cpus-per-task=8\n", "#SBATCH --gpus-per-node=8\n", "#SBATCH --mem=0\n",
                           "#SBATCH --time=1-00:00:00\n", "#SBATCH --requeue\n", "#SBATCH --open-mode=append\n",
                           "#SBATCH --output=/scratch/ann/runs/bible/logs/job.%j.log\n",
                           "#SBATCH --signal=B:USR1@300\n", "#SBATCH --no-kill\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("--array")));
  EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 100);
}

TEST(BatchScript, CarriesTheSitesNeeds) {
  Site site = sample_site();
  site.modules = {"openmpi/4.1", "cuda/13"};
  site.prolog = {"export UCX_TLS=rc"};
  site.container = "apptainer exec --nv trireme.sif";
  site.account = "physics";
  site.gpu_request = "--gres=gpu:a100:{gpus}";
  site.launcher_arguments = {"--mca", "btl", "^openib"};
  const std::string text = batch_script(sample_plan(site), site);
  for (const char* part :
       {"module load openmpi/4.1\nmodule load cuda/13\nexport UCX_TLS=rc\n", "#SBATCH --account=physics\n",
        "#SBATCH --gres=gpu:a100:8\n", "--mca btl '^openib'", "apptainer exec --nv trireme.sif \"$trireme\" train"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(ChooseLauncher, TakesSrunWherePreemptionGivesNoticeByTerm) {
  Site site = sample_site();
  JobRequest request;
  EXPECT_EQ(choose_launcher(request, site), Launcher::kSrun);
  request.launcher = "mpirun";
  EXPECT_EQ(choose_launcher(request, site), Launcher::kMpirun);
  EXPECT_EQ(mpirun_grace(request, site, 0), 65);
  EXPECT_EQ(mpirun_grace(request, site, 7.2), 13);
  site.send_user_signal = true;  // the notice is USR1, which mpirun passes on
  EXPECT_EQ(mpirun_grace(request, site, 0), 0);
  request.launcher = "auto";
  EXPECT_EQ(choose_launcher(request, site), Launcher::kMpirun);
  site = sample_site();
  site.partitions[0].grace = 0;
  EXPECT_EQ(choose_launcher(request, site), Launcher::kMpirun);
  site.mpi_types = {"pmi2"};
  request.launcher = "srun";
  EXPECT_THROW(choose_launcher(request, site), base::InputError);
}

TEST(BatchScript, KeepsMpirunsRanksAliveOnlyWhereItMust) {
  const Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  plan.launcher = Launcher::kMpirun;
  EXPECT_THAT(batch_script(plan, site),
              HasSubstr("--mca odls_base_sigkill_timeout 65 --mca ras_base_launch_orted_on_hn 1"));
  plan.mpirun_grace = 0;
  EXPECT_THAT(batch_script(plan, site), Not(HasSubstr("odls_base_sigkill_timeout")));
  plan.launcher = Launcher::kSrun;
  EXPECT_THAT(batch_script(plan, site),
              HasSubstr("srun --mpi=pmix --cpus-per-task=8 --kill-on-bad-exit=1 \"${where[@]}\""));
}

TEST(BatchScript, IsAJobArrayForSeveralRuns) {
  const Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  plan.runs.push_back({"psalms", "/home/ann/my psalms.ini", "/scratch/ann/runs/psalms"});
  plan.at_once = 1;
  const std::string text = batch_script(plan, site);
  EXPECT_THAT(text, HasSubstr("#SBATCH --array=0-1%1\n"));
  EXPECT_THAT(text, HasSubstr("/job.%A_%a.log\n"));
  EXPECT_THAT(text, HasSubstr("  '/home/ann/my psalms.ini'\n"));
}

TEST(BatchScript, AsksForWholeNodesWhereFewerWillDo) {
  const Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  plan.request.min_nodes = 1;
  plan.geometry = plan_geometry(plan.request, site);
  const std::string text = batch_script(plan, site);
  EXPECT_THAT(text, HasSubstr("#SBATCH --nodes=1-2\n#SBATCH --exclusive\n"));
  EXPECT_THAT(text, Not(HasSubstr("#SBATCH --ntasks-per-node")));
}

TEST(BatchScript, QuotesWhatSbatchWouldReadOtherwise) {
  const Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  plan.runs[0].name = "my \"first\" run";
  plan.log_directory = "/scratch/100% mine";
  const std::string text = batch_script(plan, site);
  EXPECT_THAT(text, HasSubstr("#SBATCH --job-name=\"my \\\"first\\\" run\"\n"));
  EXPECT_THAT(text, HasSubstr("#SBATCH --output=\"/scratch/100%% mine/job.%j.log\"\n"));
  EXPECT_THAT(text, HasSubstr("#SBATCH --chdir=/home/ann\n"));
}

TEST(BatchScript, HearsTheSignalFromItsFirstLineOn) {
  const Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  const std::string text = batch_script(plan, site);
  EXPECT_LT(text.find("trap '"), text.find("unset SLURM_EXPORT_ENV"));
  plan.geometry.seconds = 60;  // Slurm would send it at once
  EXPECT_THAT(batch_script(plan, site), Not(HasSubstr("--signal")));
}

TEST(BatchScript, LetsThePrologUseUnsetVariables) {
  Site site = sample_site();
  site.prolog = {"export LD_LIBRARY_PATH=/opt/x:$LD_LIBRARY_PATH"};
  const std::string text = batch_script(sample_plan(site), site);
  EXPECT_LT(text.find("LD_LIBRARY_PATH"), text.find("set -u"));
}

TEST(BatchScript, SaysWhenTheJobMayNotBeRequeued) {
  const Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  plan.requeue = false;
  const std::string text = batch_script(plan, site);
  EXPECT_THAT(text, HasSubstr("#SBATCH --no-requeue\n"));
  EXPECT_THAT(text, Not(HasSubstr(" --requeue ")));
}

TEST(BatchScript, SubmitsANewJobOnlyWhereNodesMay) {
  Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  EXPECT_THAT(batch_script(plan, site), Not(HasSubstr("--may-submit")));
  site.submit_from_nodes = true;
  std::string text = batch_script(plan, site);
  EXPECT_THAT(text, HasSubstr(" --requeue --may-submit --own-scratch \"$@\")"));
  EXPECT_THAT(text, HasSubstr("persist sbatch \"${again[@]}\" \"$0\""));
  EXPECT_THAT(text, Not(HasSubstr("--array")));
  plan.runs.push_back({"b", "/home/ann/b.ini", "/scratch/b"});
  EXPECT_THAT(batch_script(plan, site), HasSubstr("--array=$SLURM_ARRAY_TASK_ID"));
  plan.requeue = false;  // a link of a chain: the next one goes on
  EXPECT_THAT(batch_script(plan, site), Not(HasSubstr("resubmit ]")));
}

TEST(BatchScript, OfASpareJobWatchesTheClusterAndAsksForWholeNodes) {
  Site site = sample_site();
  ScriptPlan plan = sample_plan(site);
  EXPECT_THAT(batch_script(plan, site), Not(HasSubstr("spare")));
  plan.spare = ScriptSpare{8, 3600};
  plan.geometry.nodes = plan.geometry.min_nodes = 1;  // the next job may have more
  plan.overrides = {"--slurm.spare_seconds=300"};
  const std::string text = batch_script(plan, site);
  EXPECT_THAT(text, HasSubstr(" --most-nodes 8 --longest 3600 --script \"$0\" --slurm.spare_seconds=300 \"$@\")"));
  EXPECT_THAT(text, HasSubstr("job spare \"$run_file\" --dir \"$run_dir\" --ranks-per-node 8 --most-nodes 8 "
                              "--longest 3600 --attempt \"$attempt\" --launcher \"$launcher\" --script \"$0\" "
                              "--slurm.spare_seconds=300 &\n"));
  EXPECT_THAT(text, HasSubstr("#SBATCH --nodes=1\n#SBATCH --exclusive\n"));
  EXPECT_THAT(text, HasSubstr("#SBATCH --no-kill\n"));
  EXPECT_THAT(text, Not(HasSubstr("--ntasks-per-node=8\n")));
  site.submit_from_nodes = false;
  const std::string unwatched = batch_script(plan, site);
  EXPECT_THAT(unwatched, Not(HasSubstr("job spare"))) << "no other size could follow";
  EXPECT_THAT(unwatched, Not(HasSubstr("$spare")));
  site.submit_from_nodes = true;
  plan.requeue = false;
  EXPECT_THAT(batch_script(plan, site), Not(HasSubstr("job spare"))) << "the next link of the chain goes on";
}

TEST(BatchScript, PassesShellcheck) {
  if (!run_command({"shellcheck", "--version"})) GTEST_SKIP() << "shellcheck is not installed";
  const tests::TemporaryDirectory directory;
  for (int kind = 0; kind < 40; ++kind) {
    Site site = sample_site();
    site.submit_from_nodes = (kind & 8) != 0;
    ScriptPlan plan = sample_plan(site);
    if ((kind & 1) != 0) plan.runs.push_back({"b", "/home/ann's/b.ini", "/scratch/b"});
    if ((kind & 2) != 0) {
      plan.launcher = Launcher::kMpirun;
      site.container = "apptainer exec --nv trireme.sif";
      site.modules = {"openmpi"};
    }
    if ((kind & 4) != 0) {
      plan.requeue = false;
      plan.overrides = {"--train.steps=7", "--run.name=it's"};
    }
    if ((kind & 16) != 0) plan.spare = ScriptSpare{8, 3600};
    if ((kind & 32) != 0) plan.sweep = ScriptSweep{"/scratch/it's", 4, 1, (kind & 2) != 0};
    const auto file = directory.path() / "script.sh";
    std::ofstream(file) << batch_script(plan, site);
    const auto result = run_command({"shellcheck", file.string()});
    EXPECT_EQ(result->exit_code, 0) << result->output;
  }
}

TEST(ShellWord, QuotesWhatIsSpecial) {
  EXPECT_EQ(shell_word("/a/b-1_2.ini"), "/a/b-1_2.ini");
  EXPECT_EQ(shell_word(""), "''");
  EXPECT_EQ(shell_word("a b"), "'a b'");
  EXPECT_EQ(shell_word("it's $(x)"), "'it'\\''s $(x)'");
}

}  // namespace
}  // namespace trireme::slurm
