// What `trireme resume` does for a run after its stop was lifted: nothing, submit its batch script again, or say what a
// person has to type. Pure: facts in, decision out.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/run_directory/run_facts.hpp"
#include "launcher/submission/resubmission.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

/// Whether this user may submit the run's batch script.
enum class ScriptState {
  kMissing,  ///< there is none
  kOurs,
  kAnothers,  ///< it, or something else in the run directory that a job must write, belongs to somebody else
};

/// What the queue says of the run.
struct RunInQueue {
  enum class Answer { kNoSlurm, kNone, kGiven } answer = Answer::kNoSlurm;  ///< kNone: squeue is there and failed
  std::string cluster;                                                      ///< whose queue it is; "" = not known
  std::vector<KnownJob> jobs;                                               ///< of this run, none that is over
};

struct ResumeFacts {
  std::string directory;  ///< of the run, as the user wrote it
  RunFacts run;
  bool lifted = false;                    ///< there was a stop, which is gone now
  std::optional<slurm::Outcome> outcome;  ///< that the newest attempt in the ledger left
  bool run_file = false;                  ///< the directory holds the run's run.ini
  ScriptState script = ScriptState::kMissing;
  bool of_array = false;  ///< the script is of a job array, whose first run this is
  std::string owner;      ///< of kAnothers: whose
  RunInQueue queue;
};

struct ResumeStep {
  enum class Kind {
    kNothing,  ///< something goes on by itself, or nothing is left to do
    kSubmit,   ///< the batch script goes into the queue again, as `links` jobs, each after the one before
    kSay,      ///< a person must act; `text` says how
    kUnknown,  ///< the queue does not answer: to submit now could queue the run twice
  } kind = Kind::kNothing;
  std::string text;       ///< one sentence
  std::string behind;     ///< kSubmit: the job that must end before; "" when there is none
  bool of_array = false;  ///< kSubmit: only task 0 of the array, which is this run
  std::size_t links = 1;  ///< kSubmit: jobs of the chain
};

/// Nothing while a process trains, a job waits or the run is done. A job of the run that still runs although its
/// attempt was stopped on request is about to end: the new one is queued behind it. A chain comes back with as many
/// links as it had, of a job array only the run's own
/// task.
ResumeStep decide_resume(const ResumeFacts& facts);

/// Whether a job of Slurm's was the run's: then the queue may hold another one.
bool was_in_slurm(const RunFacts& run);

/// The cluster that the run's last job was of, by its lease, its last submission and its newest attempt, in this order;
/// "" when none says.
std::string cluster_of(const RunFacts& run);

/// The jobs among `jobs` (squeue's of the run's cluster, of all users that matter) that wait for or work on this run:
/// by the numbers in its record, its lease and its ledger, by its batch script, or by name and work directory as
/// recorded.
std::vector<KnownJob> jobs_of_run(const std::vector<KnownJob>& jobs, const RunFacts& run);

}  // namespace trireme::launcher
