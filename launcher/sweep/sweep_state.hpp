// What has become of a sweep's trials, as <dir>/sweep.jsonl tells: one event a line, appended by whoever holds the
// sweep's lease.
//
//   {"event":"sweep", "name", "trials", "rungs", "reduction", "goal", "metric", "ranks", "directory", "time"}
//   {"event":"trial", "trial", "parameters":{…}, "shape"}           what varies, for people: its trial.ini counts
//   {"event":"claim", "trial", "rung", "worker":{…}, "attempts", …} a worker has it, to train up to that rung
//   {"event":"left", "trial", "time"}                               its worker went, its processes may still live
//   {"event":"result", "trial", "rung", "step", "metric", "time"}   it reached the rung
//   {"event":"released", "trial", "why", "failed", "saved_step", …} it did not: it goes on later; "killed" and "starts"
//                                                                   say how it failed, and how often
//   {"event":"ended", "trial", "how", "step", "metric", "why", …}   diverged, failed, stopped: never again
//   {"event":"retry", "trial", "time"}                              somebody wants it again
//   {"event":"parked", "worker":{…}, "shape", "time"}               a worker's job waits in the queue, held, for work
//   {"event":"unparked", "worker":{…}, "time"}                      that job runs again
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "launcher/sweep/asha.hpp"

namespace trireme::launcher {

/// What all trials share.
struct SweepHeader {
  std::string name;
  std::size_t trials = 0;
  AshaPlan plan;
  std::string metric;
  std::int64_t ranks = 1;      ///< of a trial
  std::string work_directory;  ///< where trials are started: paths in run files are relative to it

  std::int64_t steps() const { return plan.rungs.back(); }
};

/// A process that takes trials. Processes are told apart as leases do it (io/lease).
struct SweepWorker {
  std::string token;  ///< unique: this worker and no other
  std::string host, machine;
  std::int64_t process = 0;
  std::string started;
  std::string job = "local";  ///< Slurm's id, or "local"
  std::string cluster;
  std::int64_t restart = 0;  ///< how often Slurm had requeued the job
  std::string user;          ///< whose job it is
};

/// A job that has no work now: it waits in the queue, held, until a worker that finds work for it releases it.
struct ParkedJob {
  SweepWorker worker;
  std::int64_t shape = 0;
};

struct SweepClaim {
  SweepWorker worker;
  std::size_t rung = 0;
  double time = 0;    ///< seconds since the epoch
  int attempts = 0;   ///< that the trial had before
  bool left = false;  ///< the worker does not wait for it any more
};

/// Trials that failed on a machine, one after the other, without a result of any trial there in between.
struct FailingHost {
  std::set<std::size_t> trials;
  double last = 0;  ///< when the last one failed
};

struct RungResult {
  std::int64_t step = 0;
  double metric = 0;
};

struct TrialRecord {
  std::vector<std::pair<std::string, std::string>> parameters;  ///< in the order of the [sweep] section
  std::vector<RungResult> results;                              ///< at the rungs that it reached
  std::optional<SweepClaim> claim;
  bool started = false;
  bool interrupted = false;  ///< it was released between rungs
  std::string ended;         ///< "diverged", "failed", "stopped"; "": it may go on
  std::string why;           ///< it was released or ended
  int failures = 0;          ///< starts that failed, in a row without a new checkpoint
  int kills = 0;             ///< the same of starts that were killed
  std::int64_t shape = 0;    ///< which jobs can run it (shapes.hpp)
  std::int64_t saved_step = 0;

  /// The last step that is known to be done.
  std::int64_t steps_done = 0;
};

struct SweepState {
  SweepHeader header;
  std::vector<TrialRecord> trials;
  std::vector<ParkedJob> parked;               ///< and did not run since
  std::map<std::string, FailingHost> failing;  ///< by the host's name

  /// Changes nothing for lines that are damaged or make no sense.
  void apply(std::string_view line);
  /// `shape`: trials of other shapes can only be taken elsewhere; nothing: all can be taken here.
  std::vector<AshaTrial> asha_trials(std::optional<std::int64_t> shape = std::nullopt) const;
  bool begun() const { return !header.plan.rungs.empty(); }

 private:
  void apply_to_trial(const std::string& event, const base::Json& line);
  void judge_host(const std::string& event, std::size_t number, const base::Json& line);
};

/// A metric that is worse than all others: what a diverged trial has.
double worst_metric(const AshaPlan& plan);

base::Json header_event(const SweepHeader& header, double time);
/// `shape`: nothing leaves what the log said before.
base::Json trial_event(std::size_t trial, const std::vector<std::pair<std::string, std::string>>& parameters,
                       std::optional<std::int64_t> shape = std::nullopt);
base::Json claim_event(std::size_t trial, const SweepClaim& claim);
base::Json parked_event(const ParkedJob& job, double time);
base::Json unparked_event(const SweepWorker& worker, double time);
/// Whether both are starts of one job.
bool same_job(const SweepWorker& one, const SweepWorker& other);

}  // namespace trireme::launcher
