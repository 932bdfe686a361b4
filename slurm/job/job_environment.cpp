#include "slurm/job/job_environment.hpp"

#include <algorithm>
#include <cstdlib>

namespace trireme::slurm {

JobEnvironment read_job_environment(const Lookup& lookup) {
  JobEnvironment job;
  const auto array_job = lookup("SLURM_ARRAY_JOB_ID");
  const auto array_task = lookup("SLURM_ARRAY_TASK_ID");
  job.job_id = array_job && array_task ? *array_job + "_" + *array_task : lookup("SLURM_JOB_ID").value_or("");
  job.restart_count = std::atoi(lookup("SLURM_RESTART_COUNT").value_or("0").c_str());
  job.cluster = lookup("SLURM_CLUSTER_NAME").value_or("");
  job.node_list = lookup("SLURM_JOB_NODELIST").value_or("");
  job.partition = lookup("SLURM_JOB_PARTITION").value_or("");
  job.dependency = lookup("SLURM_JOB_DEPENDENCY").value_or("");
  job.nodes = std::max(1, std::atoi(lookup("SLURM_JOB_NUM_NODES").value_or("1").c_str()));
  return job;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

JobEnvironment read_job_environment() { return read_job_environment(environment_variable); }

}  // namespace trireme::slurm
