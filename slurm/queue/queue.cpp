#include "slurm/queue/queue.hpp"

#include <sstream>

namespace trireme::slurm {

std::optional<bool> job_is_running(const RunCommand& run, const std::string& job) {
  const auto states = output_of(run, {"squeue", "--noheader", "--format=%T", "--jobs=" + job});
  if (!states) return std::nullopt;
  return is_running(*states);
}

bool is_running(const std::string& states) {
  std::istringstream lines(states);
  for (std::string state; std::getline(lines, state);) {
    if (state == "RUNNING" || state == "COMPLETING" || state == "SUSPENDED" || state == "STOPPED") return true;
  }
  return false;
}

}  // namespace trireme::slurm
