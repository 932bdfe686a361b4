// Explains in plain words why a job waits.
#pragma once

#include <string>

namespace trireme::slurm {

/// A sentence for squeue's reason ("Priority", "QOSMaxJobsPerUserLimit", "(Resources)", …; squeue(1), JOB REASON
/// CODES). An unknown reason is returned as it is. `requeued`: the job ran before.
std::string explain_reason(const std::string& reason, bool requeued);

/// Whether a job that waits with this reason starts only when somebody releases it: "JobHeldUser", "JobHeldAdmin", "job
/// requeued in held state", "launch failed requeued held".
bool is_held(const std::string& reason);

}  // namespace trireme::slurm
