#include "launcher/submission/job_time.hpp"

#include "slurm/job/job_end_watch.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/job/time_limit.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {

double needed_seconds(const options::RunOptions& options, const std::vector<slurm::Attempt>& attempts) {
  constexpr double kStarting = 30;
  if (options.program.given()) {
    return kStarting + static_cast<double>(options.program.stop_seconds) + slurm::TimeBudget::kMargin;
  }
  const slurm::MeasuredSeconds took = slurm::last_measured(attempts);
  return took.save > 0 ? took.start_up + 2 * took.step + took.save + slurm::TimeBudget::kMargin : kStarting;
}

std::optional<double> current_job_end(double now) {
  const auto at_start = slurm::find_job_end(slurm::environment_variable, slurm::run_command, now);
  const auto job = slurm::environment_variable("SLURM_JOB_ID");
  const auto answer =
      slurm::output_of(slurm::run_command, {"squeue", "--noheader", "--format=%L", "--jobs=" + job.value_or("")});
  const auto changed = slurm::changed_end(answer.value_or(""), now, at_start);
  return changed ? changed : at_start;
}

}  // namespace trireme::launcher
