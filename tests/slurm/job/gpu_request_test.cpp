#include "slurm/job/gpu_request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace trireme::slurm {
namespace {

using Variables = std::map<std::string, std::string>;

Lookup of(Variables variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

// As a job of Slurm 22.05 with --nodes=2 --ntasks-per-node=2 --gpus-per-task=1 has them under mpirun.
Variables under_mpirun() {
  return {
      {"SLURM_JOB_ID", "7"}, {"SLURM_JOB_NUM_NODES", "2"}, {"SLURM_GPUS_PER_TASK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}};
}

TEST(GpuRequest, PerTaskIsRefusedUnderMpirunOnSeveralNodes) {
  EXPECT_THAT(gpu_request_refusal(of(under_mpirun()), 2).value_or(""), testing::HasSubstr("--gpus-per-node=2"));
  Variables later = under_mpirun();
  later.erase("SLURM_GPUS_PER_TASK");
  EXPECT_FALSE(gpu_request_refusal(of(later), 2));
  later["SLURM_TRES_PER_TASK"] = "cpu=4,gres/gpu=1";
  EXPECT_TRUE(gpu_request_refusal(of(later), 2));
  later["SLURM_TRES_PER_TASK"] = "cpu=4";  // --cpus-per-task alone
  EXPECT_FALSE(gpu_request_refusal(of(later), 2));
}

TEST(GpuRequest, PerTaskIsFineWhereItDoesNoHarm) {
  EXPECT_FALSE(gpu_request_refusal(of(under_mpirun()), 1));  // the daemon's GPUs are the rank's
  Variables srun = under_mpirun();
  srun.erase("OMPI_COMM_WORLD_SIZE");
  EXPECT_FALSE(gpu_request_refusal(of(srun), 2));
  Variables one_node = under_mpirun();
  one_node["SLURM_JOB_NUM_NODES"] = "1";
  EXPECT_FALSE(gpu_request_refusal(of(one_node), 2));
  EXPECT_FALSE(gpu_request_refusal(of({{"OMPI_COMM_WORLD_SIZE", "4"}}), 2));
}

}  // namespace
}  // namespace trireme::slurm
