#include "launcher/sweep/job_worker.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/user_name.hpp"
#include "io/lease/lease.hpp"
#include "launcher/sweep/sweep_jobs.hpp"
#include "slurm/queue/pending_reason.hpp"
#include "slurm/queue/queue.hpp"

namespace trireme::launcher {
namespace {

using base::str;
using Kind = Advice::Kind;

bool is_asked_here(const SweepWorker& worker, const SweepWorker& self, const slurm::JobList& queue) {
  return worker.job != "local" && !worker.cluster.empty() && worker.cluster == queue.cluster &&
         worker.user == self.user;
}

// A job that is completing asks for nothing any more.
bool comes_or_runs(const slurm::QueuedJob& job) {
  return job.pending() || job.state == "RUNNING" || job.state == "SUSPENDED";
}

WorkerStep leave(const WorkerSituation& situation) {
  if (situation.ended == "resubmit") {
    return {"resubmit", base::kExitFailed, "a new job goes on elsewhere", situation.exclude};
  }
  if (situation.may_requeue) return {"requeue", base::kExitStopped, "the sweep goes on after a requeue", ""};
  const std::string next = situation.last_job
                               ? "no other one of the sweep is in the queue: call trireme sweep run again"
                               : "the next one of the sweep goes on, or trireme sweep run";
  return {"end", base::kExitStopped, "this job may not be requeued; " + next, ""};
}

}  // namespace

SweepWorker job_worker(const slurm::JobEnvironment& job, std::int64_t process) {
  const auto here = checkpoint::this_process(job.job_id, job.restart_count, job.cluster);
  SweepWorker worker;
  worker.host = here.host;
  worker.machine = here.machine;
  worker.process = process;
  worker.started = checkpoint::process_start(process);
  worker.job = job.job_id;
  worker.cluster = job.cluster;
  worker.restart = job.restart_count;
  worker.user = base::user_name(::geteuid());
  worker.token = str(worker.cluster, '.', worker.job, '.', worker.restart, '.', process, '.', worker.started);
  return worker;
}

AskWorker life_in_queue(AskWorker known, SweepWorker self, std::optional<slurm::JobList> queue) {
  return [known = std::move(known), self = std::move(self), queue = std::move(queue)](const SweepClaim& claim) {
    constexpr double kClocksDiffer = 10;
    const SweepWorker& worker = claim.worker;
    if (const WorkerLife life = known(claim); life != WorkerLife::kUnknown) return life;
    if (same_job(worker, self)) return worker.restart < self.restart ? WorkerLife::kGone : WorkerLife::kUnknown;
    if (!queue || !is_asked_here(worker, self, *queue) || queue->asked < claim.time + kClocksDiffer) {
      return WorkerLife::kUnknown;
    }
    const slurm::QueuedJob* job = slurm::find_job(queue->jobs, worker.job);
    return job != nullptr && slurm::is_running(job->state) ? WorkerLife::kRuns : WorkerLife::kGone;
  };
}

std::set<std::int64_t> shapes_with_work(const SweepState& state, std::optional<std::int64_t> shape) {
  std::set<std::int64_t> all, found;
  for (const TrialRecord& trial : state.trials) all.insert(trial.shape);
  for (const std::int64_t one : all) {
    if (!shape || one == *shape) continue;
    if (decide(state.header.plan, state.asha_trials(one)).kind == AshaDecision::Kind::kRun) found.insert(one);
  }
  return found;
}

bool is_last_job(const SweepState& state, const SweepWorker& self, const slurm::JobList& queue) {
  const auto jobs = jobs_of_sweep(queue.jobs, state.header);
  return std::ranges::none_of(jobs, [&](const slurm::QueuedJob& job) {
    return job.id != self.job && comes_or_runs(job) && !slurm::is_held(job.reason);
  });
}

Attendance attendance(const SweepState& state, const SweepWorker& self, std::optional<std::int64_t> shape,
                      const AskWorker& life, const std::optional<slurm::JobList>& queue, double now) {
  const auto attends = [&](const SweepClaim& claim) {
    const SweepWorker& worker = claim.worker;
    if (worker.job == "local" && worker.machine == self.machine) return life(claim) != WorkerLife::kGone;
    if (!queue) return false;
    if (!is_asked_here(worker, self, *queue)) return now - claim.time > kSilent;
    const slurm::QueuedJob* job = slurm::find_job(queue->jobs, worker.job);
    return job != nullptr && comes_or_runs(*job);
  };
  bool claimed = false;
  for (const TrialRecord& trial : state.trials) {
    if (!trial.claim) continue;
    claimed = true;
    const bool own = trial.claim->worker.token == self.token;
    if (!own && !trial.claim->left && attends(*trial.claim)) return Attendance::kAttended;
  }
  if (!queue) return Attendance::kUnknown;
  const std::set<std::int64_t> waiting = shapes_with_work(state, shape);
  const auto jobs = jobs_of_sweep(queue->jobs, state.header);
  const bool come = std::ranges::any_of(jobs, [&](const slurm::QueuedJob& job) {
    const bool wanted = std::ranges::any_of(
        waiting, [&](std::int64_t one) { return job.name == sweep_job_name(state.header.name, one); });
    return wanted && comes_or_runs(job) && !slurm::is_held(job.reason);
  });
  if (come) return Attendance::kAttended;
  return claimed || waiting.empty() ? Attendance::kUnknown : Attendance::kMissing;
}

SeenEnd seen_end(const std::string& ended, int code) {
  const bool leaves = ended != "end";
  return {leaves && code != base::kExitFailed ? base::kExitStopped : code, leaves};
}

WorkerStep decide_worker(const WorkerSituation& situation) {
  if (situation.advice == Kind::kRun) return {"run", base::kExitDone, "", ""};
  if (situation.sweep_stopped) {
    return {"end", base::kExitStopped, "the sweep is stopped, until trireme sweep run", ""};
  }
  if (situation.leaves) return leave(situation);
  switch (situation.advice) {
    case Kind::kDone:
      if (!situation.parked_jobs) return {"end", base::kExitDone, "the sweep is done", ""};
      return {"wait", base::kExitDone, "the sweep is done, and a job of it that waits for work is to be cancelled", ""};
    case Kind::kStop: return leave(situation);
    case Kind::kRun:
    case Kind::kWait: break;
  }
  if (!situation.rests.empty()) return {"wait", base::kExitDone, situation.rests, ""};
  if (situation.attendance == Attendance::kMissing) {
    const std::string why = "the trials that are left need another kind of job, and none is in the queue: ";
    const std::string submits = why + "trireme sweep run submits it";
    return situation.parks ? WorkerStep{"park", base::kExitDone, submits + "; this one waits in the queue", ""}
                           : WorkerStep{"end", base::kExitStopped, submits, ""};
  }
  if (situation.attendance == Attendance::kUnknown) {
    return {"wait", base::kExitDone, "nothing to do until it is known what became of the trials that run", ""};
  }
  if (situation.parks) {
    return {"park", base::kExitDone, "nothing to do now: the job waits in the queue until there is", ""};
  }
  return {"end", base::kExitDone, "nothing is left for this task: the others take what becomes of their trials", ""};
}

}  // namespace trireme::launcher
