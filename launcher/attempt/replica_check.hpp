// Compares the replicas of the parameters, so that silent corruption is found (docs/health.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "launcher/attempt/health_history.hpp"
#include "launcher/attempt/run_keeper.hpp"
#include "launcher/session/session.hpp"
#include "slurm/job/attempt_ledger.hpp"

namespace trireme::launcher {

class ReplicaCheck {
 public:
  /// All outlive the object.
  ReplicaCheck(Session& session, RunKeeper& keeper, HealthHistory& history)
      : session_(session), keeper_(keeper), history_(history) {}

  /// Whether they are compared at all: the options ask for it, and there are replicas.
  bool on() const;
  /// Whether they are to be compared with this step: after it, or before its update where that is the time to see
  /// differences.
  bool due(std::int64_t step) const;
  bool before_update() const { return session_.resolved().options.parallel.zero > 0; }
  /// Collective, with `step`; compares at most once for a step. Nothing when all replicas agree, or are not compared at
  /// all. Otherwise the event of a roll-back, still without to_step, which the caller is to make. Throws base::Error
  /// instead when the next attempt can leave out the node that a majority names, and when five roll-backs to the same
  /// checkpoint (`saved_step`) did not help.
  std::optional<slurm::HealthEvent> compare(std::int64_t step, std::int64_t saved_step);
  /// Collective: the same for a run that is stopping, and must not save when they differ. Whether the replicas agree;
  /// the ledger is told.
  bool agree_at_stop(std::int64_t step);

 private:
  /// An event without an action, the same on all ranks, if the replicas differ.
  std::optional<slurm::HealthEvent> look(std::int64_t step);
  bool can_be_left_out(const std::string& host);

  Session& session_;
  RunKeeper& keeper_;
  HealthHistory& history_;
  std::int64_t compared_ = -1;  ///< the newest step
};

}  // namespace trireme::launcher
