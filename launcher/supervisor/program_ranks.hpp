// The processes of one attempt's program on all of its nodes: signals for them, and whether they have ended.
#pragma once

#include <optional>
#include <string>

#include "base/log.hpp"
#include "launcher/supervisor/launch.hpp"
#include "launcher/supervisor/launcher_words.hpp"
#include "launcher/supervisor/program_processes.hpp"

namespace trireme::launcher {

/// This node as the queue calls it; outside Slurm the host's name.
std::string this_node();

/// Kills what earlier attempts of the run left running on these nodes of this job, this one included. Returns how many
/// processes; those of nodes that cannot be reached are not counted.
int kill_leftovers_on(const std::vector<std::string>& hosts, const std::string& run_directory, bool in_job);

class ProgramRanks {
 public:
  /// `in_job`: the other nodes are reached by srun; else only this one counts. `placement` and `log` outlive the
  /// object.
  ProgramRanks(const ProgramPlacement& placement, Launch launch, bool in_job, const base::Log& log)
      : placement_(placement), launch_(std::move(launch)), in_job_(in_job), log_(log) {}

  /// Sends the signal on every node. To be called again and again: a node where it reached nobody, because the program
  /// was only starting there or the queue did not answer, is tried again every few seconds, the others get it once.
  /// `now` in seconds. Returns whether anybody has got it so far.
  bool send(int signal, Reach reach, double now);
  /// The next send() is a new signal, even of the same number.
  void sent() { sending_ = 0; }
  /// Kills all of it, on every node.
  void kill();
  /// Returns whether no process of the program is left. Call it once a second after a rank has ended. `now` in seconds.
  bool gone(double now);

 private:
  // How many processes of the other nodes got the signal; nothing when that is not known.
  std::optional<int> signal_others(int signal, Reach reach) const;

  const ProgramPlacement& placement_;
  const Launch launch_;
  const bool in_job_;
  const base::Log& log_;
  int sending_ = 0;  // the signal that is being sent
  bool here_ = false, elsewhere_ = false;
  double asked_others_ = 0;
  std::optional<double> gone_since_;  // this node's processes were first seen gone
};

}  // namespace trireme::launcher
