#include "launcher/supervisor/stop_watch.hpp"

#include <algorithm>
#include <cmath>
#include <csignal>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "launcher/console/attempt_text.hpp"
#include "launcher/console/format.hpp"
#include "launcher/submission/queue.hpp"
#include "slurm/job/time_limit.hpp"

namespace trireme::launcher {
namespace {

using base::str;

constexpr double kMargin = slurm::TimeBudget::kMargin;

}  // namespace

StopWatch::StopWatch(base::FileSystem& files, const base::SignalThread& signals, const options::RunOptions& options,
                     const slurm::JobEnvironment& job, const base::Log& log)
    : signals_(signals),
      job_(job),
      requests_(files, options.run.dir),
      pause_at_(options.run.pause_at),
      lead_(static_cast<double>(options.program.stop_seconds) + kMargin) {
  if (!job.in_job()) return;
  const double now = base::wall_time();
  const auto end = slurm::find_job_end(slurm::environment_variable, slurm::run_command, now);
  if (end) {
    // A job that is shorter than the program's time for stopping must still get something done.
    const double most = std::max(1.0, (*end - now) / 4);
    if (lead_ > most) {
      log.warn(str("program.stop_seconds = ", options.program.stop_seconds, " is much of the ",
                   format_duration(*end - now), " that the job has left: the program is asked to stop ",
                   format_duration(most), " before its end"));
      lead_ = most;
    }
    log.info(str("time      ", format_duration(*end - now), " left in the job; the program is asked to stop ",
                 format_duration(lead_), " before its end"));
  }
  const std::chrono::duration<double> period(options.slurm.queue_seconds);
  const auto ask = [id = job.job_id, period, since = now]() -> std::optional<slurm::TimeLeft> {
    base::PosixFileSystem posix;
    const auto queue = my_queue(posix, period.count());
    return queue ? slurm::time_left_of(*queue, id, since) : std::nullopt;
  };
  end_ = std::make_unique<slurm::JobEndWatch>(end, ask, period, [log](double changed) {
    log.info("time      " + limit_changed_text(changed - base::wall_time()));
  });
}

bool StopWatch::asked_already() {
  requests_.look(base::wall_time());
  return requests_.stop() || signals_.received() != 0;
}

std::string StopWatch::look(double now, const ProgramProgress& said) {
  requests_.look(now);
  if (const auto& stop = requests_.stop()) {
    return stop->user.empty() ? std::string("stopped by request") : str("stopped by ", stop->user, "'s request");
  }
  if (const int signal = signals_.received(); signal != 0) {
    ask_about_preemption();
    return str("stopped by ", base::signal_name(signal));
  }
  if (std::string paused = pause(said); !paused.empty()) return paused;
  const auto end = job_end();
  return end && *end - now < lead_ ? "stopped before the time limit" : "";
}

std::string StopWatch::pause(const ProgramProgress& said) {
  const std::int64_t step = said.step.value_or(0);
  if (pause_at_ == 0 || step < pause_at_ || (said.steps && step >= *said.steps)) return "";  // after the last it ends
  paused_ = true;
  return str("paused at step ", step);
}

std::string StopWatch::final_reason(const std::string& reason, int exit_code, bool unfinished) {
  const bool may_be_notice = (exit_code == base::kExitDone && unfinished) || exit_code == base::kExitStopped ||
                             exit_code == 128 + SIGTERM || exit_code == 128 + SIGUSR1;
  if (reason.empty() && may_be_notice) ask_about_preemption();
  return preempted_ && preempted_->answer() ? "preempted" : reason;
}

void StopWatch::ask_about_preemption() {
  if (job_.in_job() && !preempted_) preempted_.emplace(job_.job_id);
}

std::optional<double> StopWatch::job_end() const {
  const auto end = end_ ? end_->end() : std::nullopt;
  return end && std::isfinite(*end) ? end : std::nullopt;
}

}  // namespace trireme::launcher
