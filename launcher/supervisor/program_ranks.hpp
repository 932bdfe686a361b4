// The processes of one attempt's program on all of its nodes: signals for them, and whether they have ended.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "launcher/supervisor/launcher_words.hpp"

namespace trireme::launcher {

/// The absolute path of this program.
std::string own_program();
/// This node as the queue calls it; outside Slurm the host's name.
std::string this_node();

class ProgramRanks {
 public:
  /// `token`: the attempt's. `in_job`: the other nodes are reached by srun; else only this one counts. `placement` and
  /// `log` outlive the object.
  ProgramRanks(const ProgramPlacement& placement, std::string token, bool in_job, const base::Log& log)
      : placement_(placement), token_(std::move(token)), in_job_(in_job), log_(log) {}

  /// On every node; returns how many processes got the signal. Warns when a node cannot be reached.
  int send(int signal) const;
  /// To be asked about once a second after a rank has left its end: whether the launcher has nothing left to wait for.
  /// `now` in seconds.
  bool gone(double now);

 private:
  // Returns how many processes of the other nodes got the signal; nothing when that is not known.
  std::optional<int> signal_others(int signal) const;

  const ProgramPlacement& placement_;
  const std::string token_;
  const bool in_job_;
  const base::Log& log_;
  std::optional<double> gone_since_;  // this node's processes were first seen gone
};

}  // namespace trireme::launcher
