// Why and when a program must be asked to stop.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/run_directory/program_metrics.hpp"
#include "slurm/job/control_files.hpp"
#include "slurm/job/job_end_watch.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/job/preempted.hpp"

namespace trireme::launcher {

class StopWatch {
 public:
  /// All outlive the object. Asks Slurm when the job ends.
  StopWatch(base::FileSystem& files, const base::SignalThread& signals, const options::RunOptions& options,
            const slurm::JobEnvironment& job, const base::Log& log);

  /// Whether somebody asked for the run to stay stopped, or a stop signal came; looks at the file system.
  bool asked_already();
  /// Why the program must stop now, "" = it need not. `said`: by the program. Looks at the
  /// requests once a second at most.
  std::string look(double now, const ProgramProgress& said);
  /// Why the program stopped, as the ledger has it: `reason` (what look() said, "" = nothing), or "preempted" when
  /// Slurm says so. `unfinished`: it said that it has
  /// more steps than it did. Slurm's notice may reach the program and not this process. Waits for the answer for up to
  /// 3 s.
  std::string final_reason(const std::string& reason, int exit_code, bool unfinished);
  /// "paused at step 27" when the program has come to the step at which it is to pause, and has more to do; else "".
  std::string pause(const ProgramProgress& said);

  /// Asks Slurm, in a job and once, whether it is preempting the job; final_reason() takes the answer.
  void ask_about_preemption();
  /// When the job ends, seconds since the epoch; nothing without a limit.
  std::optional<double> job_end() const;
  /// Seconds before the job's end at which the program is asked to stop.
  double lead() const { return lead_; }
  slurm::ControlFiles& requests() { return requests_; }
  /// False when somebody asked for the run to stay stopped, or it is paused.
  bool come_back() const { return !requests_.stop() && !paused_; }

 private:
  const base::SignalThread& signals_;
  const slurm::JobEnvironment& job_;
  slurm::ControlFiles requests_;
  const std::int64_t pause_at_;
  double lead_ = 0;
  bool paused_ = false;
  std::unique_ptr<slurm::JobEndWatch> end_;
  std::optional<slurm::PreemptionQuestion> preempted_;
};

}  // namespace trireme::launcher
