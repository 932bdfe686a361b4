// The job's time limit, and when an attempt must stop to be saved before it. Times in seconds; clocks in seconds since
// the epoch.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::slurm {

/// When the job's allocation ends: SLURM_JOB_END_TIME (Slurm 23.02 and later), else `now` plus what squeue says is
/// left. Nothing outside a job, without a limit, and when neither can be read.
std::optional<double> find_job_end(const Lookup& lookup, const RunCommand& run, double now);

/// Seconds left as `squeue -o %L` prints them; nothing for UNLIMITED, NOT_SET, INVALID and anything else.
std::optional<double> parse_time_left(const std::string& answer);

/// How long a save takes before one was measured: the bytes of parameters and optimizer state, every node writing
/// 200 MB/s, and 2 s for everything else.
double estimated_save_seconds(double state_bytes, int nodes);

/// What one step and one save took in this run. Plain arithmetic: no clock of its own.
class TimeBudget {
 public:
  /// For the end of the job, the time for mpirun and the batch script to end, and clocks that differ.
  static constexpr double kMargin = 10.0;
  static constexpr std::size_t kRecentSteps = 20;

  /// Without an end it is never time to stop. `save_seconds`: of an earlier attempt, or estimated; `step_seconds`
  /// likewise, 0 = not known.
  TimeBudget(std::optional<double> end, double step_seconds, double save_seconds)
      : end_(end), earlier_step_(step_seconds), save_(save_seconds) {}

  void step_took(double seconds);
  void save_took(double seconds);
  /// Stopping then means to wait for this save before the last one can begin.
  void save_under_way(bool under_way) { under_way_ = under_way; }
  /// When the limit was changed.
  void set_end(std::optional<double> end) { end_ = end; }

  /// Seconds of the longest of the last kRecentSteps steps; before the first step, those of the earlier attempt.
  double longest_step() const;
  double save_seconds() const { return save_; }
  bool save_measured() const { return save_measured_; }
  std::optional<double> end() const { return end_; }
  /// For one more step, one save (and the one under way) and the margin.
  double needed() const { return longest_step() + (under_way_ ? 2 : 1) * save_ + kMargin; }
  bool must_stop(double now) const { return end_ && *end_ - now < needed(); }

 private:
  std::optional<double> end_;
  double earlier_step_ = 0.0;
  double save_ = 0.0;
  bool save_measured_ = false;
  bool under_way_ = false;
  std::deque<double> steps_;
};

}  // namespace trireme::slurm
