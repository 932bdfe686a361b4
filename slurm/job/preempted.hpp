// Whether Slurm preempted an attempt: Slurm says so when it is asked, and a signal says nothing of the kind.
#pragma once

#include <chrono>
#include <future>
#include <string>

#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::slurm {

/// The words that ask Slurm for all it knows about a job.
std::vector<std::string> show_job(const std::string& id);

/// Reads show_job()'s answer: the job is being preempted (Slurm notes the time and forgets it at the next
/// start), or was and has ended.
bool says_preempted(const std::string& answer);

/// Reads the states that `sacct --duplicates --allocations --format=State` prints of one job, a line for each of its
/// starts: the one after `restarts` requeues.
bool start_was_preempted(const std::string& states, int restarts);

/// Whether Slurm preempted an attempt that left no end: asks about its job, and, when the job was requeued since, the
/// accounting, where there is one. `job`: the one that asks, of the cluster `cluster`.
bool was_preempted(const RunCommand& run, const AttemptStart& attempt, const JobEnvironment& job,
                   const std::string& cluster);

/// Asks about a running job, in a thread of its own: what a preempted job has left of its time is for saving.
class PreemptionQuestion {
 public:
  /// How long after the question an answer is waited for. A busy node may take seconds to start a command; a save
  /// mostly takes longer than that.
  static constexpr std::chrono::seconds kPatience{6};
  /// A no may be the answer of a moment too early, or none at all: Slurm is asked as often, with this pause between.
  static constexpr int kQuestions = 4;
  static constexpr std::chrono::milliseconds kPause{300};

  /// With Slurm's own commands, which get kPatience.
  explicit PreemptionQuestion(std::string job_id);
  /// `run` gives up by itself: the object's end waits for it.
  PreemptionQuestion(RunCommand run, std::string job_id);

  /// True when Slurm says that the job is being preempted. No answer in time is a no.
  bool answer(std::chrono::milliseconds patience = kPatience) const;

 private:
  std::chrono::steady_clock::time_point asked_;
  std::shared_future<bool> answer_;
};

}  // namespace trireme::slurm
