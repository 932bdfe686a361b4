// Workers on one machine, one thread each: every one asks the sweep for a trial, runs it and asks again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "launcher/sweep/sweep_directory.hpp"

namespace trireme::launcher {

class SweepPool {
 public:
  struct Actions {
    /// Runs a trial to its next rung and returns its exit code. Called by worker `worker`'s thread.
    std::function<int(const Advice& advice, std::size_t worker)> run_trial;
    /// Called once when the pool is to stop: asks running trials to save and end.
    std::function<void()> stop_trials;
    /// Called after the log says that a trial was claimed, or what became of it. One thread at a time.
    std::function<void(std::size_t trial)> started, ended;
    /// Called with a sentence when the disk does not take the log and the worker tries again. One thread at a time.
    std::function<void(const std::string& sentence)> warn;
  };

  /// How long a worker tries again when the disk does not take the log, and how long it waits between.
  struct Patience {
    int tries = 24;
    std::chrono::milliseconds pause = std::chrono::seconds(5);
    std::chrono::milliseconds poll = std::chrono::seconds(1);  ///< between two looks when there is nothing to do
  };

  /// `sweep` must outlive the pool.
  SweepPool(SweepDirectory& sweep, Actions actions, Patience patience);
  SweepPool(SweepDirectory& sweep, Actions actions);

  /// Returns true when the sweep is over, false when it was stopped. Throws the first error of a worker after the
  /// others have ended. `stop_requested` is asked several times a second.
  bool run(std::size_t workers, const std::function<bool()>& stop_requested);

 private:
  void work(std::size_t worker);
  void work_until_the_end(std::size_t worker);
  int run_trial(const Advice& advice, std::size_t worker);
  Advice ask(const SweepWorker& self, const std::optional<LastTrial>& last);
  void stop();
  void pause(std::chrono::milliseconds time);
  void tell(const std::function<void(std::size_t)>& action, std::size_t trial);

  SweepDirectory& sweep_;
  Actions actions_;
  Patience patience_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::size_t working_ = 0;
  std::uint64_t ended_trials_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> over_ = false;
  std::exception_ptr error_;
};

}  // namespace trireme::launcher
