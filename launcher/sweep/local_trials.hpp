// Runs trials of a sweep on this machine: each is a `trireme train` of its run file.
#pragma once

#include <cstddef>
#include <string>

#include "base/file_system.hpp"
#include "launcher/sweep/sweep_directory.hpp"
#include "launcher/sweep/trial_process.hpp"
#include "launcher/sweep/worker_share.hpp"

namespace trireme::launcher {

/// Thread-safe. `files` must outlive it.
class LocalTrials {
 public:
  /// Trials of more than one rank are started by mpirun. A [program] run, whose launcher its run file names, has one.
  LocalTrials(base::FileSystem& files, const SweepHeader& header, std::size_t workers);

  /// Trains to the next rung; what is printed goes to <trial>/logs/sweep.log. Called by the thread of worker `worker`,
  /// which stays on its share of the CPUs from then on. Returns the exit code.
  int run(const Advice& advice, std::size_t worker);
  /// Asks all that run to save and end, and starts nothing from then on.
  void stop() { processes_.stop(); }
  /// Kills all that run. What they have not saved is lost.
  void kill() { processes_.kill(); }

 private:
  base::FileSystem& files_;
  const SweepHeader header_;
  const std::size_t workers_;
  const MachineParts machine_;
  const std::string program_;  ///< as it was found at the start: it may be replaced by a newer one meanwhile
  TrialProcesses processes_;
};

}  // namespace trireme::launcher
