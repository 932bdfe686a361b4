// The life of a run as spans of wall time: in the queue, starting, running, lost. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "launcher/report/run_metrics.hpp"
#include "launcher/run_directory/run_facts.hpp"

namespace trireme::launcher {

struct Span {
  enum class Kind {
    kQueued,    ///< a job waits in the queue, from its submission or from the end of the attempt before
    kIdle,      ///< nothing of the run waits or runs, as far as its directory tells
    kStarting,  ///< building the model, loading the checkpoint
    kRunning,
    kLost,  ///< running, but of steps that a roll-back undid, or that no checkpoint holds
  };
  Kind kind = Kind::kIdle;
  double begin = 0.0, end = 0.0;  ///< seconds since the epoch
  int attempt = 0;                ///< that it belongs to, or waits for; 0: none yet
};

const char* name_of(Span::Kind kind);  ///< "queued", "idle", "starting", "running", "lost"

/// Ascending, none of them empty. An attempt without an end ends where it was last seen. `now`: seconds since the
/// epoch.
std::vector<Span> spans_of(const RunFacts& facts, double now);

/// The newest ones are shown.
inline constexpr std::size_t kMostAttempts = 300;
inline constexpr std::ptrdiff_t kMostHealth = 300;

/// {"spans":[…],"attempts":[…],"attempt_count",…,"saves":[…],"health":[…]}: what the page draws, and the same as
/// numbers for its table. Names from the ledger are printable.
base::Json timeline_json(const RunFacts& facts, const std::vector<SaveMark>& saves, double now);

}  // namespace trireme::launcher
