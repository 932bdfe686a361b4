// Questions to the queue, through Slurm's own commands.
#pragma once

#include <optional>
#include <string>

#include "slurm/queue/command.hpp"

namespace trireme::slurm {

/// Whether squeue says that the job (array task: "123_4") is running, completing or suspended on this cluster, whatever
/// SLURM_CLUSTERS names. Nothing when squeue is missing, fails, or does not answer.
std::optional<bool> job_is_running(const RunCommand& run, const std::string& job);

/// The name of the cluster that these commands ask: `from_job` (SLURM_CLUSTER_NAME) when it is not empty, otherwise
/// from Slurm's configuration. "" when neither is known.
std::string cluster_name(const RunCommand& run, const std::string& from_job);

/// Interprets squeue's answer to "-h -o %T", one state per line. An empty answer means that the job is gone.
bool is_running(const std::string& states);

}  // namespace trireme::slurm
