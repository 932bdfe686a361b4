// Explains in plain words why a job waits.
#pragma once

#include <string>

namespace trireme::slurm {

/// A sentence for squeue's reason ("Priority", "QOSMaxJobsPerUserLimit", "(Resources)", …; squeue(1), JOB REASON
/// CODES). An unknown reason is returned as it is. `requeued`: the job ran before.
std::string explain_reason(const std::string& reason, bool requeued);

}  // namespace trireme::slurm
