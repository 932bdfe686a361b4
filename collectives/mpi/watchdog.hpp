// A hang is a bug report: one thread per rank that says where its rank is, and ends a job that stands still.
#pragma once

#include <cstdint>
#include <memory>

#include "collectives/mpi/world.hpp"

namespace trireme::collectives {

/// Sleeps nearly always: a few probes a second. Past a phase's limit the lowest rank that notices asks all others,
/// waits for their answers, prints one sentence and a short table, and aborts the job with exit code 1. No answer =
/// missing. The world outlives it; thread-safe.
class Watchdog {
 public:
  enum class Phase {
    kNone,   ///< no limit; still answers
    kStart,  ///< communicators, model, data
    kLoad,   ///< restoring a checkpoint
    kStep,   ///< between two beats
  };
  struct Options {
    double answer_seconds = 10;
    double poll_seconds = 0.2;
  };

  /// Collective. The phase is kNone.
  explicit Watchdog(MpiWorld& world);
  Watchdog(MpiWorld& world, const Options& options);
  /// stop().
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Enters a phase; the limit counts from now. 0 = none.
  void phase(Phase phase, double limit_seconds);
  /// A step was reached: the limit counts from now.
  void beat(std::int64_t step);
  /// Local: ends the thread. Others that ask afterwards get no answer, so end the phase first.
  void stop();

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace trireme::collectives
