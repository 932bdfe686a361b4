// What a trial's run directory tells a sweep, and what follows from it. The directory is the truth: a worker that died
// before it could report is replaced by whoever looks here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "launcher/sweep/sweep_state.hpp"

namespace trireme::launcher {

/// The newest line of metrics.jsonl with the metric, up to some step.
struct MetricFacts {
  std::int64_t step = 0;
  std::optional<double> value;  ///< nothing: it was no finite number
};

struct TrialFacts {
  bool alive = false;  ///< a process writes to the directory
  int attempts = 0;
  int fruitless = 0;      ///< the newest attempts, in a row, that saved nothing new
  bool ended = false;     ///< the last attempt wrote how it ended
  bool finished = false;  ///< that was the end of the training
  bool paused = false;    ///< that was a pause
  std::int64_t last_step = 0;
  std::int64_t saved_step = 0;  ///< of the newest checkpoint
  std::string reason;           ///< how the last attempt ended; "" without one
  int exit_code = -1;           ///< that it left in its outcome; -1: none
  bool own_outcome = false;     ///< a start that ended before it came into the ledger left its outcome
  bool stop_asked = false;      ///< somebody asked for this trial to stay stopped
  std::optional<MetricFacts> metric;
};

/// `until`: metrics of later steps do not count; 0: all count. Never throws for what the files hold.
TrialFacts read_trial(base::FileSystem& files, const std::filesystem::path& run, const std::string& metric,
                      std::int64_t until);

/// What a worker that saw a trial's process end knows about it.
struct SeenEnd {
  int exit_code = 0;    ///< 128 + signal
  bool leaves = false;  ///< the job leaves its nodes: when nothing began there, the nodes failed and not the trial
};

struct Verdict {
  enum class Kind {
    kRuns,      ///< its processes live: look again later
    kReached,   ///< it has a result at the rung
    kReleased,  ///< it goes on later
    kEnded,     ///< it never goes on: `how`
  };
  Kind kind = Kind::kReleased;
  std::string how;  ///< "diverged", "failed", "stopped"
  std::string why;  ///< a sentence
  double metric = 0;
  bool failed = false;  ///< released after a failure: too many in a row end the trial
  bool killed = false;  ///< the failure was that it was killed
  int starts = 1;       ///< that failed
};

/// Starts in a row without a new checkpoint after which a trial has failed: those that failed, and those that were
/// killed, which is rarely the trial's fault.
inline constexpr int kMostFailures = 3;
inline constexpr int kMostKills = 10;

/// Starts of a trial that failed so far, in a row without a new checkpoint.
struct FailedStarts {
  int failures = 0, kills = 0;
};

/// Judges a trial that a worker claimed to train it up to a rung (the last one: to its end). `end`: nothing when the
/// worker died. `before`: when it was claimed.
Verdict judge(const TrialFacts& facts, const SweepHeader& header, const SweepClaim& claim,
              const std::optional<SeenEnd>& end, const FailedStarts& before);

/// The line of the log that says it; nothing for kRuns.
std::optional<base::Json> verdict_event(const Verdict& verdict, std::size_t trial, std::size_t rung,
                                        const TrialFacts& facts, double time);

}  // namespace trireme::launcher
