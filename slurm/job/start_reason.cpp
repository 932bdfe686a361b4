#include "slurm/job/start_reason.hpp"

#include "base/error.hpp"

namespace trireme::slurm {
namespace {

std::string how_it_ended(const Attempt& attempt) {
  if (!attempt.ended || attempt.end.reason == "killed") return "it was killed";
  if (attempt.end.reason.starts_with("failed")) return "a failure";
  if (attempt.end.reason.starts_with("stopped ")) return "it was " + attempt.end.reason;
  return "it was done";
}

std::string how_it_started(const AttemptStart& before, const JobEnvironment& job) {
  if (!job.in_job()) return "resumed by hand";
  if (before.job_id != job.job_id) return job.dependency.empty() ? "next job" : "next link of the chain";
  return job.restart_count > before.restart_count ? "requeued" : "restarted in the allocation";
}

}  // namespace

std::string start_reason(const std::vector<Attempt>& before, const JobEnvironment& job) {
  if (before.empty()) return "first start";
  return base::str(how_it_started(before.back().start, job), " after ", how_it_ended(before.back()));
}

}  // namespace trireme::slurm
