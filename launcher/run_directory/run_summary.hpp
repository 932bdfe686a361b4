// One run in one line, from its directory and the queue. Pure: the clock is an argument.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "launcher/run_directory/run_facts.hpp"
#include "slurm/queue/job_list.hpp"

namespace trireme::launcher {

struct RunSummary {
  std::string name;
  /// "running"; "starting": its job runs, but no attempt holds the directory; "queued"; "requeued": its job ran and
  /// waits again; "stopped"; "paused" at the step that it was asked for; "done"; "failed"; "dead": killed, and nothing
  /// in the queue brings it back; "new": nothing was started yet.
  std::string state;
  std::string note;  ///< why it waits, or how it ended
  std::string job;   ///< "" outside Slurm
  int attempt = 0;
  std::int64_t step = 0;
  std::int64_t steps = 0;  ///< 0 = not known
  std::optional<double> loss;
  std::vector<double> newest_losses;  ///< oldest first; where any run has them, the table draws them
  std::optional<double> tokens_per_second;
  std::optional<double> seconds_left;  ///< to the end, waiting in the queue included as it was so far
  std::string next_checkpoint;         ///< "step 200"; "" when nothing runs
  double device_hours = 0.0;
  double lost_hours = 0.0;
  bool gpus = false;
};

/// `queue` may be empty. The run's job is the one of its lease, of its newest attempt or of its last submission, if
/// that is a job of the queue's cluster; else one that bears the run's name, as submit gives it, and was submitted in a
/// directory above the run's. `now`: seconds since the epoch.
RunSummary summarise(const RunFacts& facts, const slurm::JobList& queue, double now);

/// What an attempt of the run used so far, and what of it was lost: starting up, and steps that no checkpoint holds. Of
/// one without an end as far as it was seen.
struct DeviceSeconds {
  double used = 0.0;
  double lost = 0.0;
};
DeviceSeconds device_seconds(const RunFacts& facts, const slurm::Attempt& attempt, double now);

/// The share of wall time, from the first start until `now`, that attempts ran; 1 when nothing was started.
double running_share(const RunFacts& facts, double now);

std::string summary_table(const std::vector<RunSummary>& runs);
base::Json to_json(const RunSummary& run);

}  // namespace trireme::launcher
