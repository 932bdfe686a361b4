#include "slurm/queue/queue.hpp"

#include <sstream>

namespace trireme::slurm {

std::optional<bool> job_is_running(const RunCommand& run, const std::string& job) {
  const auto states =
      output_of(run, {"env", "-u", "SLURM_CLUSTERS", "squeue", "--noheader", "--format=%T", "--jobs=" + job});
  if (!states) return std::nullopt;
  return is_running(*states);
}

std::string cluster_name(const RunCommand& run, const std::string& from_job) {
  if (!from_job.empty()) return from_job;
  std::istringstream lines(output_of(run, {"env", "-u", "SLURM_CLUSTERS", "scontrol", "show", "config"}).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string key, equals, name;
    if (words >> key >> equals >> name && key == "ClusterName" && equals == "=") return name;
  }
  return "";
}

bool is_running(const std::string& states) {
  std::istringstream lines(states);
  for (std::string state; std::getline(lines, state);) {
    if (state == "RUNNING" || state == "COMPLETING" || state == "SUSPENDED" || state == "STOPPED") return true;
  }
  return false;
}

}  // namespace trireme::slurm
