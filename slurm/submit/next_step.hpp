// Decides what a batch script does next, before its first attempt and after each. Pure: facts in, decision out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/outcome.hpp"
#include "slurm/submit/layout_fit.hpp"
#include "slurm/submit/spare.hpp"

namespace trireme::slurm {

struct Situation {
  bool finished = false;               ///< the last attempt was done, and the run file asks for no more steps
  bool stopped = false;                ///< somebody asked the run to stay stopped
  std::optional<int> launcher_exit;    ///< of the attempt that just ended in this job; nothing before the first
  std::optional<Outcome> outcome;      ///< that it left
  int restart_count = 0;               ///< how often Slurm requeued this job
  std::optional<double> seconds_left;  ///< of the job; nothing without a limit
  double seconds_needed = 0;           ///< of an attempt that is worth starting: its start-up, two steps and a save
  int failed_starts = 0;               ///< attempts of this job that ended before they came into the ledger
  std::vector<Attempt> attempts;       ///< of this job, as the ledger has them
  bool may_requeue = false;            ///< the script may call scontrol requeue
  bool may_submit = false;             ///< it may call sbatch
  std::optional<Slice> slice;          ///< as what a spare job goes on that was stopped, if that is known
  bool job_known = true;               ///< Slurm said whether the job is being preempted
  bool preempted = false;              ///< the job was given notice and is killed at the end of its grace
  std::vector<std::string> excluded;   ///< nodes that this job was not to get (sbatch --exclude)
  std::vector<std::string> hosts;      ///< of the allocation, in order
  std::vector<std::string> lost;       ///< of these, what Slurm says is down
  std::int64_t ranks_per_node = 1;
  LayoutNeeds needs;
};

struct NextStep {
  enum class Kind { kGo, kRequeue, kResubmit, kSlice, kEnd } kind = Kind::kEnd;
  int exit_code = 1;                 ///< for all kinds but kGo; for kRequeue when requeueing fails
  std::string why;                   ///< one sentence, for the log
  std::optional<Placement> where;    ///< for kGo: where the ranks go
  std::vector<std::string> exclude;  ///< for kResubmit and kSlice: the nodes that the new job excludes
  std::optional<Slice> slice = {};   ///< for kSlice: the size and time of the new job
};

/// Before the first attempt: ends when the run is finished or held, else starts. Later, by the last attempt's exit
/// code:
/// - 0: end.
/// - 2: end, since starting again would not help; so after an attempt that ended for a spike, or two that ended for the
/// same
///   loss that is not finite.
/// - 75: requeue, or for a spare job that is to change its size a new job of that size (inside a preemption's grace it
///   is requeued all the same); or end when somebody asked for that, when the job may not be requeued, or when three
///   attempts in a row left by themselves within a minute and saved nothing.
/// - Anything else: start again inside the allocation while there is time, without the nodes that are down or on which
///   two attempts failed. Where no layout fits the nodes that are left: a new job without the nodes that failed, if the
///   script may submit one (a requeued job could get them again), otherwise requeue.
/// After three attempts in a row that ended without a new checkpoint and were not stopped on request, or three that
/// ended before the ledger had a line for them: end with 1. Inside a preemption's grace nothing is started, and a job
/// that may be requeued does not end while the run has something to do: Slurm would count it as completed.
NextStep decide(const Situation& situation);

/// Whether a spare job that has stopped may go on as a new one: it was asked to, by Slurm or its watch. A program that
/// left by itself stays in its job, where decide() counts how often it does that; so does a job that is being preempted
/// or of which Slurm does not say so.
bool may_go_on_elsewhere(const Situation& situation);

/// The hosts that two or more ends "failed on HOST: …" name since the job was last requeued (after a requeue it may
/// have other nodes), and those that one attempt ended for since their replicas of the parameters were wrong.
std::vector<std::string> failing_hosts(const std::vector<Attempt>& attempts, int restart_count);

}  // namespace trireme::slurm
