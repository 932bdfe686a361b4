// How an attempt of a [program] run ended, from what its processes, its launcher and the supervisor know. Pure.
#pragma once

#include <optional>
#include <string>

#include "launcher/run_directory/program_metrics.hpp"
#include "launcher/supervisor/launch.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

struct ProgramEnd {
  std::string launcher = "none";  ///< program.launcher
  int launcher_code = 0;          ///< of what the supervisor started; 128 + signal
  std::optional<RankEnd> rank;    ///< what the first rank that did not end with 0 left
  std::string stop_reason;        ///< why the program was asked to stop, "" = it was not
  bool killed = false;            ///< it did not end in time after that
  std::int64_t stop_seconds = 0;  ///< the time that it had
  bool come_back = true;          ///< false: somebody asked for the run to stay stopped
  std::int64_t first_step = 0;    ///< when the attempt began
  ProgramProgress progress;
};

/// - 0: done; but stopped, if the program was asked to pause, or to stop and said that it has more steps than it did.
/// - 2: bad input. 75: stopped, whoever asked.
/// - Any other code: stopped, if the program was asked to (it may know nothing of signals), else failed; the reason
///   names the host unless rank 0 failed: that is where a fault of the program shows first.
slurm::Outcome program_outcome(const ProgramEnd& end);

}  // namespace trireme::launcher
