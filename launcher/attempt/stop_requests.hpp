// What ends an attempt before its last step: a signal, the job's time limit, or a request. Met on one rank, agreed by
// all.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/signals.hpp"
#include "collectives/communicator.hpp"
#include "launcher/attempt/watched.hpp"
#include "slurm/job/preempted.hpp"

namespace trireme::launcher {

class StopRequests {
 public:
  /// All outlive the object. `control`: of all ranks, for votes.
  StopRequests(collectives::Communicator& control, const base::SignalThread& signals, Watched& watched)
      : control_(control), signals_(signals), watched_(watched) {}

  /// On rank 0 of a job: whether a signal means that Slurm preempts it is asked of Slurm then, while the run saves.
  void ask_about_signals(std::string job_id) { job_id_ = std::move(job_id); }
  /// On every rank once a vote above 0 was agreed on by other means than agree().
  void agreed_on(std::int64_t vote);

  /// Looks at what is watched and returns this rank's vote, for a reduction with kMax over all ranks: 0 = go on. A
  /// request wins over a signal, and a signal over the time limit; agreed with other ranks, the time limit wins over a
  /// signal.
  std::int64_t vote();
  /// Collective: the largest vote.
  std::int64_t agree();
  /// Collective, between two phases of the start: base::Stopped on all ranks when a stop was asked for.
  void check(const char* phase);

  /// What an agreed vote above 0 stands for: "stopped by SIGTERM", "preempted", "stopped before the time limit",
  /// "stopped by alice's request" (the user is known on rank 0).
  std::string reason(std::int64_t vote) const;
  /// False when somebody asked for the run to stay stopped. The same as long as the request is there; rank 0's word
  /// counts.
  bool come_back() const { return !watched_.stop(); }

 private:
  collectives::Communicator& control_;
  const base::SignalThread& signals_;
  Watched& watched_;
  std::string job_id_;
  std::optional<slurm::PreemptionQuestion> preempted_;
};

}  // namespace trireme::launcher
