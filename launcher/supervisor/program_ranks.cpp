#include "launcher/supervisor/program_ranks.hpp"

#include <unistd.h>

#include <sstream>

#include "base/error.hpp"
#include "base/words.hpp"
#include "launcher/submission/node_scratch.hpp"
#include "launcher/supervisor/launch.hpp"
#include "launcher/supervisor/program_processes.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {

std::string own_program() { return std::filesystem::read_symlink("/proc/self/exe").string(); }

std::string this_node() {
  if (const auto name = slurm::environment_variable("SLURMD_NODENAME")) return *name;
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

int ProgramRanks::send(int signal) const { return signal_program(token_, signal) + signal_others(signal).value_or(0); }

bool ProgramRanks::gone(double now) {
  constexpr double kLinger = 2, kPatience = 30;
  constexpr int kOnlyCounts = 0;
  if (!find_processes(kProgramMark, token_).empty()) {
    gone_since_.reset();
    return false;
  }
  if (!gone_since_) gone_since_ = now;
  return now - *gone_since_ > kPatience || (now - *gone_since_ > kLinger && signal_others(kOnlyCounts) == 0);
}

std::optional<int> ProgramRanks::signal_others(int signal) const {
  std::vector<std::string> others = placement_.hosts;
  if (placement_.launcher == "none") others.resize(1);
  std::erase(others, this_node());
  if (others.empty() || !in_job_) return 0;
  constexpr int kSeconds = 10;
  const auto sent = slurm::run_command(on_each_node(
      kSeconds, others, {own_program(), "job", "signal", "--token", token_, "--number", std::to_string(signal)}));
  if (!sent || sent->exit_code != 0) {
    log_.warn(base::str("the processes on ", base::join(others), " could not be reached: ",
                        sent ? sent->error.substr(0, sent->error.find('\n')) : "there is no srun"));
    return std::nullopt;
  }
  int reached = 0;
  std::istringstream counts(sent->output);
  for (int count = 0; counts >> count;) reached += count;
  return reached;
}

}  // namespace trireme::launcher
