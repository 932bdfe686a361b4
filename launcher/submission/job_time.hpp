// How much of its time a running job has left, and how much of it an attempt needs to be worth starting.
#pragma once

#include <optional>
#include <vector>

#include "launcher/options/run_options.hpp"
#include "slurm/job/attempt_ledger.hpp"

namespace trireme::launcher {

/// Seconds that an attempt of this job takes before it can leave a checkpoint, as earlier attempts measured; 30 s
/// before anything was. A program that is asked to stop at once gets nothing done.
double needed_seconds(const options::RunOptions& options, const std::vector<slurm::Attempt>& attempts);

/// When the job that this process runs in ends, in seconds since the epoch. Asks squeue: the limit of a running job may
/// be changed, and the environment keeps that of its start. Nothing without a limit.
std::optional<double> current_job_end(double now);

}  // namespace trireme::launcher
