// Questions to the queue, through Slurm's own commands.
#pragma once

#include <optional>
#include <string>

#include "slurm/queue/command.hpp"

namespace trireme::slurm {

/// Whether squeue says, of this cluster whatever SLURM_CLUSTERS names, that the job (array task: "123_4") is running,
/// completing or suspended. Nothing when squeue is missing, fails, or does not answer.
std::optional<bool> job_is_running(const RunCommand& run, const std::string& job);

/// The name of the cluster that these commands ask: `from_job` (SLURM_CLUSTER_NAME) where that is not empty, else from
/// Slurm's configuration. "" when neither tells.
std::string cluster_name(const RunCommand& run, const std::string& from_job);

/// Reads squeue's answer ("-h -o %T": one state a line). An empty answer means that the job is gone.
bool is_running(const std::string& states);

}  // namespace trireme::slurm
