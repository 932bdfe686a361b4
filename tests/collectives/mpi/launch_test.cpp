#include "collectives/mpi/launch.hpp"

#include <gtest/gtest.h>

#include <map>

namespace trireme::collectives {
namespace {

Launch started(const std::map<std::string, std::string>& variables) {
  return how_started([&](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(Launch, IsAloneWithoutALauncher) {
  EXPECT_EQ(started({}), Launch::kAlone);
  EXPECT_EQ(started({{"SLURM_JOB_ID", "7"}, {"SLURM_NTASKS", "4"}}), Launch::kAlone) << "the batch script itself";
}

TEST(Launch, IsAloneInAStepsShell) {
  const std::map<std::string, std::string> shell = {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}};
  EXPECT_EQ(started(shell), Launch::kAloneInStep);
  auto interactive = shell;  // salloc's, in a job of four tasks
  interactive["SLURM_STEP_ID"] = "4294967290";
  interactive["SLURM_NTASKS"] = "4";
  EXPECT_EQ(started(interactive), Launch::kAloneInStep);
  auto pmix = shell;
  pmix.insert({{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "slurm.pmix.5.0"}});
  EXPECT_EQ(started(pmix), Launch::kAloneInStep);
  auto pmi2 = shell;
  pmi2.insert({{"PMI_RANK", "0"}, {"PMI_SIZE", "1"}, {"PMI_FD", "11"}});
  EXPECT_EQ(started(pmi2), Launch::kAloneInStep);
}

TEST(Launch, IsALaunchersInAStepToo) {
  const std::map<std::string, std::string> shell = {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}};
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"OMPI_COMM_WORLD_SIZE", "1"}, {"PMI_SIZE", "2"}, {"PMIX_NAMESPACE", "prterun-n1-77@1"}}) {
    auto launched = shell;
    launched[name] = value;
    EXPECT_EQ(started(launched), Launch::kByLauncher) << name;
  }
}

TEST(Launch, SeveralTasksNeedPmi) {
  std::map<std::string, std::string> task = {{"SLURM_STEP_ID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}};
  EXPECT_EQ(started(task), Launch::kUnwired);
  task["PMIX_RANK"] = "1";
  EXPECT_EQ(started(task), Launch::kByLauncher);
}

}  // namespace
}  // namespace trireme::collectives
