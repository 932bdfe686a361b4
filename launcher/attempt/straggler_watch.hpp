// Looks for ranks that compute slower than the others (docs/health.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/log.hpp"
#include "launcher/attempt/run_keeper.hpp"
#include "launcher/health/straggler_rule.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

class StragglerWatch {
 public:
  /// All outlive the object.
  StragglerWatch(Session& session, RunKeeper& keeper, const base::Log& log);

  /// Collective, after each step: this rank's compute time in it. Every train.straggler_every steps the times of all
  /// ranks are compared; a straggler is told to the log and the ledger.
  void step(std::int64_t step, double compute_seconds);

 private:
  Session& session_;
  RunKeeper& keeper_;
  base::Log log_;
  std::optional<StragglerRule> rule_;  ///< nothing when nobody is to be named
  double compute_seconds_ = 0.0;       ///< since the last look
  std::int64_t steps_ = 0;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace trireme::launcher
