// What Slurm tells a job through its environment; empty outside a job.
#pragma once

#include <functional>
#include <optional>
#include <string>

namespace trireme::slurm {

struct JobEnvironment {
  std::string job_id;      ///< SLURM_JOB_ID, for array tasks "<array job>_<task>"; "" outside Slurm
  int restart_count = 0;   ///< SLURM_RESTART_COUNT: how often this job was requeued
  std::string cluster;     ///< SLURM_CLUSTER_NAME; "" where Slurm does not say it
  std::string node_list;   ///< SLURM_JOB_NODELIST
  std::string partition;   ///< SLURM_JOB_PARTITION
  std::string dependency;  ///< SLURM_JOB_DEPENDENCY: what the job waited for, as --dependency said
  int nodes = 1;           ///< SLURM_JOB_NUM_NODES

  bool in_job() const { return !job_id.empty(); }
};

/// A lookup of environment variables: std::getenv in the program, a map in tests.
using Lookup = std::function<std::optional<std::string>(const std::string& name)>;

JobEnvironment read_job_environment(const Lookup& lookup);
/// The process's own environment.
std::optional<std::string> environment_variable(const std::string& name);
/// From the process's own environment.
JobEnvironment read_job_environment();

}  // namespace trireme::slurm
