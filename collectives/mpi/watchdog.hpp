// Reports hangs: one thread per rank that answers where its rank is, and ends a job that stands still.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "collectives/mpi/world.hpp"
#include "collectives/ops/diagnosis.hpp"

namespace trireme::collectives {

/// The thread sleeps nearly always and wakes a few times a second. When a phase exceeds its limit, the lowest rank that
/// notices asks all others, waits for their answers, prints one sentence and a short table, and aborts the job with
/// exit code 1. A rank that does not answer counts as missing. The world must outlive the watchdog; thread-safe.
class Watchdog {
 public:
  enum class Phase {
    kNone,   ///< no limit; the thread still answers
    kStart,  ///< setting up communicators, model and data
    kLoad,   ///< restoring a checkpoint
    kStep,   ///< between two beats
  };
  struct Options {
    double answer_seconds = 10;
    double poll_seconds = 0.2;
  };

  /// Collective. Begins in phase kNone.
  explicit Watchdog(MpiWorld& world);
  Watchdog(MpiWorld& world, const Options& options);
  /// Calls stop().
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Enters a phase, whose limit counts from now; 0 = no limit.
  void phase(Phase phase, double limit_seconds);
  /// Tells the watchdog that a step was reached: the limit counts from now.
  void beat(std::int64_t step);
  /// Asks ranks of the world where they are, and returns at once. The result holds one state for each: of those that do
  /// not answer within answer_seconds `answered` is false. It holds nothing at all when the watchdog stops before.
  /// Ranks that are asked do not take it for a report of a hang.
  std::future<std::vector<RankState>> ask(const std::vector<int>& ranks);
  /// Local: ends the thread. Ranks that ask later get no answer, so set phase kNone on all ranks first.
  void stop();

 private:
  class Thread;
  std::unique_ptr<Thread> thread_;
};

}  // namespace trireme::collectives
