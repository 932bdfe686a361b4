#include "launcher/sweep/parked_jobs.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include "launcher/sweep/sweep_jobs.hpp"
#include "slurm/queue/pending_reason.hpp"

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

bool is_reached(const SweepWorker& job, const SweepWorker& self) {
  return job.user == self.user && job.cluster == self.cluster;
}

}  // namespace

ReleasedJobs release_jobs(const std::vector<SweepWorker>& jobs, const SweepWorker& self, const slurm::RunCommand& run) {
  ReleasedJobs released;
  for (const SweepWorker& job : jobs) {
    if (!is_reached(job, self)) continue;
    const auto done = run({"scontrol", "release", job.job});
    const auto state = state_in_queue(run, job.job);
    const bool waits =
        done && done->exit_code == 0 && state && state->starts_with("PENDING") && !slurm::is_held(*state);
    if (state && state->empty()) {
      released.gone.push_back(job);
    } else {
      (waits ? released.some : released.all) = waits;
    }
  }
  return released;
}

std::vector<HeldJob> release_held(const std::vector<slurm::QueuedJob>& jobs, const SweepState& state,
                                  const slurm::RunCommand& run) {
  std::vector<HeldJob> held;
  for (const slurm::QueuedJob& job : jobs) {
    if (!job.pending() || !slurm::is_held(job.reason)) continue;
    const auto parked = std::ranges::find_if(
        state.parked, [&](const ParkedJob& one) { return slurm::stands_for(job.id, one.worker.job); });
    if (parked != state.parked.end()) {
      const AshaDecision next = decide(state.header.plan, state.asha_trials(parked->shape));
      if (next.kind != AshaDecision::Kind::kRun) continue;
    }
    const auto done = run({"scontrol", "release", tasks_for_scancel(job.id)});
    held.push_back({job, done && done->exit_code == 0});
  }
  return held;
}

std::vector<base::Json> unparked_events(const SweepState& state, const std::vector<slurm::QueuedJob>& cancelled,
                                        double time) {
  std::vector<base::Json> events;
  for (const ParkedJob& parked : state.parked) {
    if (slurm::find_job(cancelled, parked.worker.job) != nullptr) events.push_back(unparked_event(parked.worker, time));
  }
  return events;
}

bool cancel_jobs(const std::string& sweep, const std::vector<ParkedJob>& jobs, const SweepWorker& self,
                 const slurm::RunCommand& run) {
  bool all = true;
  for (const ParkedJob& job : jobs) {
    if (!is_reached(job.worker, self)) continue;
    (void)run({"scancel", "--state=PENDING", "--name=" + sweep_job_name(sweep, job.shape), job.worker.job});
    const auto state = state_in_queue(run, job.worker.job);
    const bool gone = state && (state->empty() || state->starts_with("CANCELLED") || state->starts_with("COMPLETING"));
    all = all && gone;
  }
  return all;
}

}  // namespace trireme::launcher
