#include "slurm/queue/command_environment.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "slurm/queue/command.hpp"
#include "tests/support/temporary_directory.hpp"

namespace trireme::slurm {
namespace {

using testing::ElementsAre;

const std::vector<std::string> kVariables = {
    "HOME=/home/ann",         "SBATCH_PARTITION=high",  "SBATCH_EXPORT=NONE",     "SLURM_CONF=/etc/slurm.conf",
    "SLURM_CLUSTERS=big",     "SLURM_JOB_ID=7",         "SLURM_MEM_PER_CPU=1000", "PMIX_RANK=0",
    "SQUEUE_STATES=PENDING",  "SLURM_TIME_FORMAT=%s",   "SINFO_PARTITION=x",      "OMPI_MCA_btl=self",
    "OMPI_COMM_WORLD_RANK=0", "TEXT=SBATCH_PARTITION=", "SLURMD_NODENAME=n1"};

TEST(CommandEnvironment, KeepsNothingThatWouldOverrideOrEnterTheNewJobFromSbatch) {
  EXPECT_THAT(command_environment("sbatch", kVariables),
              ElementsAre("HOME=/home/ann", "SLURM_CONF=/etc/slurm.conf", "SLURM_CLUSTERS=big", "OMPI_MCA_btl=self",
                          "TEXT=SBATCH_PARTITION="));
  EXPECT_EQ(command_environment("/opt/slurm/bin/sbatch", kVariables), command_environment("sbatch", kVariables));
}

TEST(CommandEnvironment, KeepsOutsideAJobWhatTheUserWantsForHisSteps) {
  EXPECT_THAT(command_environment("sbatch", {"SLURM_CPU_BIND=none", "SBATCH_WAIT=1", "PMIX_RANK=0"}),
              ElementsAre("SLURM_CPU_BIND=none"));
}

TEST(CommandEnvironment, KeepsTheJobButNotTheFiltersFromOtherCommands) {
  EXPECT_THAT(command_environment("squeue", kVariables),
              ElementsAre("HOME=/home/ann", "SLURM_CONF=/etc/slurm.conf", "SLURM_CLUSTERS=big", "SLURM_JOB_ID=7",
                          "SLURM_MEM_PER_CPU=1000", "PMIX_RANK=0", "OMPI_MCA_btl=self", "OMPI_COMM_WORLD_RANK=0",
                          "TEXT=SBATCH_PARTITION=", "SLURMD_NODENAME=n1"));
  EXPECT_EQ(command_environment("mpirun", kVariables), kVariables);
  EXPECT_EQ(command_environment("env", kVariables), command_environment("squeue", kVariables));
}

TEST(CommandEnvironment, IsWhatProgramsGet) {
  const tests::TemporaryDirectory directory;
  const std::string program = (directory.path() / "squeue").string();
  ASSERT_EQ(run_command({"sh", "-c", "printf '#!/bin/sh\\nenv\\n' >\"$0\"; chmod +x \"$0\"", program})->exit_code, 0);
  ::setenv("SQUEUE_STATES", "PENDING", 1);
  const auto seen = run_command({program});
  ::unsetenv("SQUEUE_STATES");
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->output.find("SQUEUE_STATES"), std::string::npos);
  EXPECT_NE(seen->output.find("PATH="), std::string::npos);
}

TEST(SbatchVariables, AreNamedForTheUser) {
  EXPECT_THAT(sbatch_variables(kVariables), ElementsAre("SBATCH_EXPORT", "SBATCH_PARTITION"));
}

}  // namespace
}  // namespace trireme::slurm
