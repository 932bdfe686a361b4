// What an attempt looks at while it trains: requests of colleagues, and the job's time limit.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "slurm/job/attempt_ledger.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_end_watch.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/job/time_limit.hpp"

namespace trireme::launcher {

/// Only rank 0 looks. On the other ranks nothing was ever asked for, and it is never time to stop.
class Watched {
 public:
  /// `looks`: whether look() reads the request files. `files` must outlive the object.
  Watched(base::FileSystem& files, std::filesystem::path run_directory, bool looks)
      : requests_(files, std::move(run_directory)), looks_(looks) {}
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

  /// From now on the time limit counts too. `end`, which may be null, keeps the budget's end current.
  void watch_time(const slurm::TimeBudget& time, std::unique_ptr<slurm::JobEndWatch> end);

  /// `now` in seconds since the epoch. Looks at the request files once a second at most.
  void look(double now);
  /// The request to stop, as last seen.
  const std::optional<slurm::Request>& stop() const { return requests_.stop(); }
  bool must_stop(double now) const { return time_.must_stop(now); }

  slurm::ControlFiles& requests() { return requests_; }
  slurm::TimeBudget& time() { return time_; }

 private:
  slurm::ControlFiles requests_;
  bool looks_;
  slurm::TimeBudget time_{std::nullopt, 0.0, 0.0};
  std::unique_ptr<slurm::JobEndWatch> end_;
};

/// For a job that ends at `end` (nothing: without a limit, or no job). A save that no attempt measured is estimated
/// from the checkpoint's size on `nodes`. The log says what is left.
slurm::TimeBudget time_budget(std::optional<double> end, const std::vector<slurm::Attempt>& attempts,
                              std::uint64_t checkpoint_bytes, int nodes, const base::Log& log);

/// Asks for the user's jobs, from an answer younger than so many seconds where there is one; called by a thread.
using AskQueue = std::function<std::optional<slurm::JobList>(base::FileSystem&, double)>;

/// Asks every `period` when the job ends, which was `end` so far; the log says when that changed. Null outside a job.
std::unique_ptr<slurm::JobEndWatch> watch_job_end(const slurm::JobEnvironment& job, std::optional<double> end,
                                                  std::chrono::duration<double> period, const AskQueue& ask_queue,
                                                  const base::Log& log);

}  // namespace trireme::launcher
