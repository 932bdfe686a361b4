// Why a job waits, in plain words.
#pragma once

#include <string>

namespace trireme::slurm {

/// A sentence for squeue's reason ("Priority", "QOSMaxJobsPerUserLimit", "(Resources)", …; squeue(1), JOB REASON
/// CODES). A reason that is not known comes back as it is. `requeued`: the job ran before.
std::string explain_reason(const std::string& reason, bool requeued);

}  // namespace trireme::slurm
