// The jobs of a sweep in Slurm's queue.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "launcher/sweep/sweep_state.hpp"
#include "slurm/queue/job_list.hpp"

namespace trireme::launcher {

/// The name of a sweep's jobs, by which they are found in the queue.
std::string sweep_job_name(const std::string& sweep, std::int64_t shape);

/// Those of my jobs that are jobs of this sweep.
std::vector<slurm::QueuedJob> jobs_of_sweep(const std::vector<slurm::QueuedJob>& queue, const SweepHeader& header);

/// A table: id, state, time left, why it waits. A job that is held is parked only when the sweep's log says so.
std::string jobs_text(const std::vector<slurm::QueuedJob>& jobs, const std::vector<ParkedJob>& parked);
base::Json jobs_json(const std::vector<slurm::QueuedJob>& jobs, const std::vector<ParkedJob>& parked);

/// Whether two batch scripts of a sweep ask for other jobs: how many tasks an array has and when its jobs are warned,
/// which follows from measurements, does not count.
bool settings_differ(const std::string& former, const std::string& script);

/// An id as squeue lists it, for scancel: "12_[1-3%2]" without the limit.
std::string tasks_for_scancel(const std::string& id);

}  // namespace trireme::launcher
