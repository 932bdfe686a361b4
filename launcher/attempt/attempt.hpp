// One attempt of a run: from opening the run directory to its outcome.
#pragma once

#include <exception>
#include <optional>
#include <string>

#include "base/signals.hpp"
#include "collectives/mpi/watchdog.hpp"
#include "collectives/mpi/world.hpp"
#include "launcher/attempt/attempt_parts.hpp"
#include "launcher/session/session.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

/// Every rank has one, and all call its collective functions in the order that they stand here.
class Attempt {
 public:
  /// All references outlive the attempt. `log`: silent on ranks other than 0.
  Attempt(collectives::MpiWorld& world, const base::SignalThread& signals, base::FileSystem& files,
          const RunInput& input, const Device& device, collectives::Watchdog& watchdog, const base::Log& log);

  /// Collective. Rank 0 opens the run directory and begins to watch the job's time limit, which `ask_queue` helps to
  /// keep current. From then on a rank that ends the job on its own leaves an outcome. Errors of rank 0 on all ranks:
  /// RunDirectory's; base::Stopped when a stop was asked for while another job held the directory.
  void open(const AskQueue& ask_queue);
  /// Collective, between two phases of the start: base::Stopped on all ranks when a stop was asked for.
  void check_stop(const char* phase) { parts_.stops.check(phase); }
  /// Collective. The end of an attempt that has nothing to do, since the run stands at run.pause_at or past it already;
  /// it leaves an outcome and no line in the ledger. Nothing when there is something to do.
  std::optional<slurm::Outcome> paused();
  /// Collective. Restores, trains to the last step or to an earlier end, and writes down how it ended; the last lines
  /// of the log are for people. The same outcome on all ranks. Errors as restore(), preflight() and TrainLoop::run().
  slurm::Outcome train(Session& session);

  /// Instead of what is left of these: writes the end by an error into the run directory, if rank 0 had opened it.
  /// `host`: the node that is to blame, "" for none; `remark` is put behind the error. A stop that came during the
  /// start may ask for the run to stay stopped.
  void fail(const std::exception& error, const std::string& host, const std::string& remark) noexcept {
    parts_.keeper->fail(error, *parts_.progress, true, host, remark);
  }
  void stopped(const base::Stopped& stop) noexcept {
    parts_.keeper->fail(stop, *parts_.progress, parts_.stops.come_back(), "", "");
  }

 private:
  collectives::MpiWorld& world_;
  const Device& device_;
  AttemptParts parts_;
};

}  // namespace trireme::launcher
