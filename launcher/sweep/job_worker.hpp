// A sweep's worker in a Slurm job: the batch script is the worker, and asks before each trial (trireme job trial).
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "launcher/sweep/sweep_directory.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/job_list.hpp"

namespace trireme::launcher {

/// The batch script's shell, process `process` of this machine, as a worker: the same one at each call, and another
/// one after a requeue.
SweepWorker job_worker(const slurm::JobEnvironment& job, std::int64_t process);

/// What is known of a worker: from `known` (the real world's: for workers of this machine), from `self`, whose own
/// job's earlier starts are over, and from the queue for jobs of the same user and cluster: one that does not run has
/// no worker. An answer of the queue that may be older than the claim says nothing.
AskWorker life_in_queue(AskWorker known, SweepWorker self, std::optional<slurm::JobList> queue);

/// Shapes other than `shape` that have trials which a worker could take now.
std::set<std::int64_t> shapes_with_work(const SweepState& state, std::optional<std::int64_t> shape);

/// Who looks after a sweep that has nothing for a worker now.
enum class Attendance {
  kUnknown,   ///< it is not known yet what becomes of the running trials, or what the queue holds
  kAttended,  ///< somebody asks again who can take what becomes of the running trials, or those that wait
  kMissing,   ///< nothing runs, trials wait for another shape of job, and none of that shape is in the queue
};

/// Whether the queue has no other job of the sweep that runs or comes by itself.
bool is_last_job(const SweepState& state, const SweepWorker& self, const slurm::JobList& queue);

/// What a worker asks who has nothing to do: `self`, of a job that takes trials of `shape` (nothing: of any). Others
/// are a worker on this machine; one whose job runs or waits in the queue; one that cannot be asked for, once its trial
/// was seen to live kSilent after the claim; for trials of other shapes, a job of that shape that is not held.
Attendance attendance(const SweepState& state, const SweepWorker& self, std::optional<std::int64_t> shape,
                      const AskWorker& life, const std::optional<slurm::JobList>& queue, double now);

/// How a trial ended of which `trireme job next` said this word and exit code. A job that leaves goes on with the trial
/// later; that it leaves since its nodes failed the trial (code 1) does not undo the failures.
SeenEnd seen_end(const std::string& ended, int code);

/// What a worker knows when it has asked the sweep.
struct WorkerSituation {
  Advice::Kind advice = Advice::Kind::kDone;
  std::string rests;           ///< why this machine gets no trial for a while; "" = it may
  bool parked_jobs = false;    ///< the sweep is done, and a parked job of it is not cancelled yet
  bool sweep_stopped = false;  ///< somebody asked for the whole sweep to stop
  bool leaves = false;         ///< the job must end before another trial: no time is left, or it was asked to
  std::string ended = "end";   ///< what the script was to do after the trial before: end, requeue, resubmit
  std::string exclude;         ///< for resubmit: nodes that the new job excludes
  bool may_requeue = false;
  bool last_job = false;  ///< is_last_job(), as far as it is known
  bool parks = false;     ///< it waits in the queue when there is nothing for it, since others cannot take its trials
  Attendance attendance = Attendance::kUnknown;
};

/// What the script does: its word, the exit code for its end, and a sentence for the log.
struct WorkerStep {
  std::string word;  ///< run, wait, park, requeue, resubmit, end
  int exit_code = 0;
  std::string why;
  std::string exclude;
};

/// - A trial that was claimed is started, also when somebody asks for a stop just then: it is asked to save in its
/// turn.
/// - A stopped sweep ends the job with 75, whatever the trial before would do.
/// - A job that leaves does what the trial before would do, else is requeued; one that may not be ends with 75.
/// - Nothing to do now, and somebody else to take what becomes of the running trials: the job ends with 0, since each
///   result causes at most one promotion, which the worker that had it takes; or it parks. With nobody else it waits.
/// - When trials wait for a job that somebody must submit first, it does not keep its nodes: it parks, or ends with 75.
WorkerStep decide_worker(const WorkerSituation& situation);

}  // namespace trireme::launcher
