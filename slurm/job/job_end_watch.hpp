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

#include "slurm/queue/job_list.hpp"

namespace trireme::slurm {

/// What `squeue -o %L` says at the time `now`: when the job ends, infinity without a limit; nothing when the answer is
/// none, or differs from `known` by less than 2 s (squeue says whole seconds).
std::optional<double> changed_end(const std::string& answer, double now, std::optional<double> known);

/// What squeue says of a job's time left (%L), and when it said so.
struct TimeLeft {
  std::string left;
  double asked = 0;
};

/// What an answer of the queue, perhaps one that others asked for, says of a job that has run since `since`. Nothing
/// when it is older (the job waited then, with its whole limit left, or ran another time), and when it does not say
/// that the job runs.
std::optional<TimeLeft> time_left_of(const JobList& queue, const std::string& job, double since);

/// Asks now and then every `period`, in a thread of its own; without an answer the last end stays. All clocks in
/// seconds since the epoch.
class JobEndWatch {
 public:
  /// `ask` is called by the thread, and the object's end waits for it. `known`: the end so far, nothing without a
  /// limit. `on_change` is called with the new end, by the thread.
  JobEndWatch(std::optional<double> known, std::function<std::optional<TimeLeft>()> ask,
              std::chrono::duration<double> period, std::function<void(double)> on_change);
  JobEndWatch(const JobEndWatch&) = delete;
  JobEndWatch& operator=(const JobEndWatch&) = delete;

  std::optional<double> end() const;

 private:
  void look();

  const std::function<std::optional<TimeLeft>()> ask_;
  const std::function<void(double)> on_change_;
  mutable std::mutex mutex_;
  std::condition_variable_any stopping_;
  std::optional<double> end_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace trireme::slurm
