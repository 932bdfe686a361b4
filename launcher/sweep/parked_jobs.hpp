// Jobs of a sweep that wait in the queue, held, until there is work for them.
#pragma once

#include <vector>

#include "launcher/sweep/sweep_state.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {

/// Releases parked jobs for which there is work. True when Slurm says of each that it waits without a hold, or does not
/// know it any more, which is worth a warning; false for one that has not gone to the queue yet: call it again later.
bool release_jobs(const std::vector<SweepWorker>& jobs, const slurm::RunCommand& run);

/// Cancels parked jobs of a sweep that is done. One that is gone already is no error.
void cancel_jobs(const std::vector<ParkedJob>& jobs, const slurm::RunCommand& run);

}  // namespace trireme::launcher
