// Jobs of a sweep that wait in the queue, held, until there is work for them.
#pragma once

#include <string>
#include <vector>

#include "launcher/sweep/sweep_state.hpp"
#include "slurm/queue/command.hpp"
#include "slurm/queue/job_list.hpp"

namespace trireme::launcher {

struct ReleasedJobs {
  bool all = true;                ///< each waits without a hold, or is gone; else one has not gone to the queue yet
  bool some = false;              ///< one waits without a hold
  std::vector<SweepWorker> gone;  ///< which the queue does not know any more
};

/// Releases parked jobs for which there is work. When not `all` are released, call it again later. Jobs of another user
/// or cluster than `self`'s do not count: its commands reach none of them.
ReleasedJobs release_jobs(const std::vector<SweepWorker>& jobs, const SweepWorker& self, const slurm::RunCommand& run);

/// What became of a held job of a sweep that somebody goes on with.
struct HeldJob {
  slurm::QueuedJob job;
  bool released = false;
};

/// Releases those of a sweep's `jobs` that are held and that none of its workers would release in time: parked ones
/// whose shape has trials that wait, and those that are not parked, such as after "launch failed requeued held".
std::vector<HeldJob> release_held(const std::vector<slurm::QueuedJob>& jobs, const SweepState& state,
                                  const slurm::RunCommand& run);

/// Lines for the log: those of the sweep's parked jobs that are among `cancelled` wait for work no more.
std::vector<base::Json> unparked_events(const SweepState& state, const std::vector<slurm::QueuedJob>& cancelled,
                                        double time);

/// Cancels the parked jobs of a sweep that is done: only what bears the name of its jobs, of `self`'s user and cluster.
/// False when one has not gone to the queue yet, where it would wait forever: call it again later.
bool cancel_jobs(const std::string& sweep, const std::vector<ParkedJob>& jobs, const SweepWorker& self,
                 const slurm::RunCommand& run);

}  // namespace trireme::launcher
