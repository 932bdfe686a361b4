#include "slurm/job/gpu_request.hpp"

#include "base/error.hpp"

namespace trireme::slurm {

std::optional<std::string> gpu_request_refusal(const Lookup& lookup, int ranks_on_node) {
  // 23.11 and later name all that a task gets in one variable: "cpu=4,gres/gpu=1".
  const bool asked = !lookup("SLURM_GPUS_PER_TASK").value_or("").empty() ||
                     lookup("SLURM_TRES_PER_TASK").value_or("").find("gres/gpu") != std::string::npos;
  const bool by_mpirun = lookup("OMPI_COMM_WORLD_SIZE").has_value();  // srun's tasks have none
  if (!asked || !by_mpirun || ranks_on_node < 2 || read_job_environment(lookup).nodes < 2) return std::nullopt;
  return base::str("this job asked for its GPUs with --gpus-per-task, of which mpirun's ranks on all nodes but the ",
                   "first get one task's: ask for --gpus-per-node=", ranks_on_node,
                   " instead (or set train.device = cpu)");
}

}  // namespace trireme::slurm
