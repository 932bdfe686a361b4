#include "launcher/sweep/sweep_jobs.hpp"

#include <algorithm>
#include <sstream>

#include "base/error.hpp"
#include "launcher/console/format.hpp"
#include "slurm/queue/pending_reason.hpp"

namespace trireme::launcher {

namespace {

using base::str;

bool is_parked(const slurm::QueuedJob& job, const std::vector<ParkedJob>& parked) {
  return slurm::is_held(job.reason) &&
         std::ranges::any_of(parked, [&](const ParkedJob& one) { return slurm::stands_for(job.id, one.worker.job); });
}

std::string state_of(const slurm::QueuedJob& job, const std::vector<ParkedJob>& parked) {
  if (!job.pending()) return "running";
  return is_parked(job, parked) ? "parked" : slurm::is_held(job.reason) ? "held" : "waiting";
}

std::string left_of(const slurm::QueuedJob& job) { return job.pending() ? "-" : job.left; }

std::string note_of(const slurm::QueuedJob& job, const std::vector<ParkedJob>& parked) {
  if (!job.pending()) return "";
  return is_parked(job, parked) ? "until there is work for it" : slurm::explain_reason(job.reason, false);
}

}  // namespace

std::string sweep_job_name(const std::string& sweep, std::int64_t shape) {
  return shape == 0 ? "sweep-" + sweep : str("sweep-", sweep, ".", shape);
}

std::vector<slurm::QueuedJob> jobs_of_sweep(const std::vector<slurm::QueuedJob>& queue, const SweepHeader& header) {
  std::vector<slurm::QueuedJob> jobs;
  const std::string name = sweep_job_name(header.name, 0), other_shapes = name + ".";
  for (const slurm::QueuedJob& job : queue) {
    const bool of_shape = job.name.starts_with(other_shapes) &&
                          job.name.find_first_not_of("0123456789", other_shapes.size()) == std::string::npos;
    if ((job.name == name || of_shape) && job.directory == header.work_directory) jobs.push_back(job);
  }
  return jobs;
}

std::string jobs_text(const std::vector<slurm::QueuedJob>& jobs, const std::vector<ParkedJob>& parked) {
  std::vector<std::vector<std::string>> rows = {{"job", "state", "time left", "note"}};
  for (const slurm::QueuedJob& job : jobs)
    rows.push_back({job.id, state_of(job, parked), left_of(job), note_of(job, parked)});
  return format_table(rows);
}

base::Json jobs_json(const std::vector<slurm::QueuedJob>& jobs, const std::vector<ParkedJob>& parked) {
  base::Json rows = base::Json::array();
  for (const slurm::QueuedJob& job : jobs) {
    rows.push_back({{"job", job.id}, {"state", state_of(job, parked)}, {"left", job.left}, {"reason", job.reason}});
  }
  return rows;
}

bool settings_differ(const std::string& former, const std::string& script) {
  const auto settings = [](const std::string& text) {
    std::string kept;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      const bool measured = line.starts_with("#SBATCH --array=") || line.starts_with("#SBATCH --signal=") ||
                            line.find("odls_base_sigkill_timeout") != std::string::npos;
      if (!measured) kept += line + "\n";
    }
    return kept;
  };
  return settings(former) != settings(script);
}

std::string tasks_for_scancel(const std::string& id) {
  const std::size_t limit = id.find('%'), end = id.rfind(']');
  return limit == std::string::npos || end == std::string::npos ? id : id.substr(0, limit) + id.substr(end);
}

}  // namespace trireme::launcher
