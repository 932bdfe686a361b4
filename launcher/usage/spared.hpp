// What sweeps did not spend, since they paused trials or ended them before their last step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_system.hpp"
#include "launcher/usage/usage_report.hpp"

namespace trireme::launcher {

/// How the trials of a sweep stand, as its sweep.jsonl tells: the few of its lines that matter here.
struct SweepTrials {
  struct Trial {
    std::int64_t steps = 0;  ///< done
    double time = 0;         ///< of its newest event
    bool rests = false;      ///< it is paused at a rung, or it diverged: nobody trains it
  };
  std::int64_t steps = 0;  ///< of a whole training; 0: the sweep has not begun
  std::map<std::int64_t, Trial> trials;

  /// Takes a line of the log and passes over what is damaged or makes no sense.
  void take(std::string_view line);
};

/// `sweeps`: directories with a sweep.jsonl, whose trials are <sweep>/trial_<n>. `runs`: all runs of the tree, among
/// them the trials, named by name_records(). The steps that a trial at rest did not do count with what its own steps
/// took, if it came to rest inside the window. A trial that failed or was stopped by somebody spared nothing.
std::vector<SparedTime> spared_time(base::FileSystem& files, const std::vector<std::filesystem::path>& sweeps,
                                    const std::vector<RunRecord>& runs, const Span& window);

}  // namespace trireme::launcher
