#include "slurm/job/start_reason.hpp"

#include "base/error.hpp"

namespace trireme::slurm {
namespace {

std::string how_it_ended(const std::string& reason) {
  if (reason == "killed") return "it was killed";
  if (reason.starts_with("failed")) return "a failure";
  if (was_asked_to_end(reason)) return "it was " + reason;
  return "it was done";
}

std::string how_it_started(const Attempt& before, const JobEnvironment& job) {
  if (!job.in_job()) return "resumed by hand";
  if (!is_of_job(before.start, job.job_id, job.cluster)) {
    const bool resized = before.ended && before.end.reason.starts_with(kStoppedForSize);
    return job.dependency.empty() || resized ? "next job" : "next link of the chain";
  }
  return job.restart_count > before.start.restart_count ? "requeued" : "restarted in the allocation";
}

}  // namespace

std::string start_reason(const std::vector<Attempt>& before, const JobEnvironment& job, const std::string& killed) {
  if (before.empty()) return "first start";
  const Attempt& last = before.back();
  return base::str(how_it_started(last, job), " after ", how_it_ended(end_reason(last, killed)));
}

}  // namespace trireme::slurm
