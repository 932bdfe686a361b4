#include "launcher/supervisor/launcher_words.hpp"

#include <gtest/gtest.h>

#include <map>

#include "base/words.hpp"

namespace trireme::launcher {
namespace {

slurm::Lookup from(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(StartWords, APrefixStartsARankItself) {
  ProgramPlacement placement;
  placement.launcher = "mpirun";
  placement.prefix = {"mpirun", "-n", "4"};
  placement.hosts = {"n1", "n2"};
  EXPECT_EQ(base::join(start_words(placement, "/opt/trireme", "/runs/a/logs/launch.1.json", "id", 29500), " "),
            "mpirun -n 4 /opt/trireme job rank /runs/a/logs/launch.1.json");
}

TEST(StartWords, TorchrunOnEachNodeMeetsAtTheFirstHostAndRestartsNothing) {
  ProgramPlacement placement;
  placement.launcher = "torchrun";
  placement.prefix = {"srun", "--ntasks=2"};
  placement.hosts = {"n3", "n4"};
  placement.ranks_per_node = 8;
  EXPECT_EQ(base::join(start_words(placement, "trireme", "f", "token", 31000), " "),
            "srun --ntasks=2 torchrun --nnodes=2 --nproc-per-node=8 --rdzv-backend=c10d --rdzv-endpoint=n3:31000 "
            "--rdzv-id=token --max-restarts=0 --no-python trireme job rank f");
  EXPECT_EQ(placement.ranks(), 16);
}

TEST(RankVariables, ComeFromMpirun) {
  const auto lookup = from({{"OMPI_COMM_WORLD_RANK", "5"},
                            {"OMPI_COMM_WORLD_SIZE", "8"},
                            {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                            {"OMPI_COMM_WORLD_LOCAL_SIZE", "4"},
                            {"SLURM_PROCID", "0"}});
  const std::map<std::string, std::string> expected = {
      {"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "4"}};
  EXPECT_EQ(rank_variables("mpirun", lookup), expected);
  EXPECT_EQ(rank_of(lookup, expected), 5);
}

TEST(RankVariables, ComeFromSrun) {
  const auto lookup = from({{"SLURM_PROCID", "3"},
                            {"SLURM_STEP_NUM_TASKS", "4"},
                            {"SLURM_LOCALID", "1"},
                            {"SLURM_STEP_TASKS_PER_NODE", "2(x2)"}});
  const std::map<std::string, std::string> expected = {
      {"RANK", "3"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}};
  EXPECT_EQ(rank_variables("srun", lookup), expected);
}

TEST(RankVariables, AreTheAgentsOwnUnderTorchrun) {
  const auto lookup = from({{"RANK", "7"}, {"SLURM_PROCID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}});
  EXPECT_TRUE(rank_variables("torchrun", lookup).empty());
  EXPECT_EQ(rank_of(lookup, {}), 7);
  EXPECT_TRUE(rank_variables("none", lookup).empty());
}

}  // namespace
}  // namespace trireme::launcher
