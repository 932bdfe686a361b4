#include "launcher/sweep/parked_jobs.hpp"

#include <optional>
#include <string>

#include "base/log.hpp"

namespace trireme::launcher {

namespace {

// "" for a job that the queue does not know any more; nothing without an answer.
std::optional<std::string> state_in_queue(const slurm::RunCommand& run, const std::string& job) {
  const auto answer = run({"squeue", "--noheader", "--format=%T %r", "--jobs=" + job});
  if (!answer) return std::nullopt;
  if (answer->exit_code == 0) return answer->output;
  const bool unknown = answer->error.find("Invalid job id") != std::string::npos;
  return unknown ? std::optional<std::string>("") : std::nullopt;
}

}  // namespace

bool release_jobs(const std::vector<SweepWorker>& jobs, const slurm::RunCommand& run) {
  bool all = true;
  for (const SweepWorker& job : jobs) {
    (void)run({"scontrol", "release", job.job});
    const auto state = state_in_queue(run, job.job);
    const bool waits = state && state->starts_with("PENDING") && state->find("Held") == std::string::npos;
    if (state && state->empty()) {
      base::print_warning("job " + job.job +
                          ", which was to take trials of the sweep, is gone: trireme sweep run FILE "
                          "submits another one");
    } else if (!waits) {
      all = false;
    }
  }
  return all;
}

void cancel_jobs(const std::vector<ParkedJob>& jobs, const slurm::RunCommand& run) {
  for (const ParkedJob& job : jobs) (void)run({"scancel", "--state=PENDING", job.worker.job});
}

}  // namespace trireme::launcher
