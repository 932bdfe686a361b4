#include "launcher/attempt/watched.hpp"

#include "base/clock.hpp"
#include "launcher/console/attempt_text.hpp"

namespace trireme::launcher {

void Watched::watch_time(const slurm::TimeBudget& time, std::unique_ptr<slurm::JobEndWatch> end) {
  time_ = time;
  end_ = std::move(end);
}

void Watched::look(double now) {
  if (looks_) requests_.look(now);
  if (end_) time_.set_end(end_->end());
}

slurm::TimeBudget time_budget(std::optional<double> end, const std::vector<slurm::Attempt>& attempts,
                              std::uint64_t checkpoint_bytes, int nodes, const base::Log& log) {
  const slurm::MeasuredSeconds before = slurm::last_measured(attempts);
  const bool estimated = before.save == 0.0;
  const double save =
      estimated ? slurm::estimated_save_seconds(static_cast<double>(checkpoint_bytes), nodes) : before.save;
  if (end) log.info("time      " + time_left_text(*end - base::wall_time(), save, estimated));
  return {end, before.step, save};
}

std::unique_ptr<slurm::JobEndWatch> watch_job_end(const slurm::JobEnvironment& job, std::optional<double> end,
                                                  std::chrono::duration<double> period, const AskQueue& ask_queue,
                                                  const base::Log& log) {
  if (!job.in_job()) return nullptr;
  const auto ask = [id = job.job_id, period, ask_queue, since = base::wall_time()]() -> std::optional<slurm::TimeLeft> {
    base::PosixFileSystem files;
    const auto queue = ask_queue(files, period.count());  // squeue is a busy service
    return queue ? slurm::time_left_of(*queue, id, since) : std::nullopt;
  };
  return std::make_unique<slurm::JobEndWatch>(end, ask, period, [log](double changed) {
    log.info("time      " + limit_changed_text(changed - base::wall_time()));
  });
}

}  // namespace trireme::launcher
