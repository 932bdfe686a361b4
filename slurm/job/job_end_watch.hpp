// The end of the job as it is now: an administrator or the user may change the time limit of a running job (scontrol
// update TimeLimit).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "slurm/queue/command.hpp"

namespace trireme::slurm {

/// What `squeue -o %L` says at the time `now`: when the job ends, infinity without a limit; nothing when the answer is
/// none, or differs from `known` by less than 2 s (squeue says whole seconds).
std::optional<double> changed_end(const std::string& answer, double now, std::optional<double> known);

/// Asks squeue now and then every `period`, in a thread of its own, with 10 s for an answer; without one the last end
/// stays. All clocks in seconds since the epoch.
class JobEndWatch {
 public:
  /// `job_id` as squeue --jobs takes it. `known`: the end so far, nothing without a limit. `on_change` is called with
  /// the new end, by the thread.
  JobEndWatch(std::string job_id, std::optional<double> known, RunCommand run, std::chrono::duration<double> period,
              std::function<void(double)> on_change);
  JobEndWatch(const JobEndWatch&) = delete;
  JobEndWatch& operator=(const JobEndWatch&) = delete;

  std::optional<double> end() const;

 private:
  void look();

  const std::string job_id_;
  const RunCommand run_;
  const std::function<void(double)> on_change_;
  mutable std::mutex mutex_;
  std::condition_variable_any stopping_;
  std::optional<double> end_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace trireme::slurm
