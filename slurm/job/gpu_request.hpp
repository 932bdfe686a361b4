// Whether the GPUs that a person's own script asked for reach the ranks.
#pragma once

#include <optional>
#include <string>

#include "slurm/job/job_environment.hpp"

namespace trireme::slurm {

/// A refusal for a rank on a node with `ranks_on_node` ranks, nothing when all is well. --gpus-per-task gives each task
/// of a step its own GPUs, and mpirun's daemon is the only task of its node: on every node but the first its ranks see
/// the GPUs of one task. Harmless on one node, with one rank per node, and under srun, whose tasks are the ranks.
std::optional<std::string> gpu_request_refusal(const Lookup& lookup, int ranks_on_node);

}  // namespace trireme::slurm
