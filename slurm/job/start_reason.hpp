// Why an attempt started, from the attempt before it and what Slurm says about the job.
#pragma once

#include <string>
#include <vector>

#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::slurm {

/// How an attempt of a spare job ends that was stopped to go on with another number of nodes: this, and how many.
inline constexpr const char* kStoppedForSize = "stopped to go on with ";

/// One of, with how the attempt before ended ("… after it was stopped by SIGTERM", "… after a failure"):
///   first start
///   restarted in the allocation    the same job, not requeued in between
///   requeued                       the same job, with a higher restart count
///   next link of the chain         another job that waited for one (--dependency)
///   next job                       another job, also one that goes on with another number of nodes
///   resumed by hand                outside Slurm
/// `before` may end with an attempt that has no end line: `killed` says how that ended ("killed", "preempted").
std::string start_reason(const std::vector<Attempt>& before, const JobEnvironment& job,
                         const std::string& killed = "killed");

}  // namespace trireme::slurm
