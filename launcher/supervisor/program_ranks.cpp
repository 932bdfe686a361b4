#include "launcher/supervisor/program_ranks.hpp"

#include <unistd.h>

#include <csignal>
#include <sstream>

#include "base/error.hpp"
#include "base/host_name.hpp"
#include "base/own_program.hpp"
#include "launcher/submission/node_scratch.hpp"
#include "launcher/supervisor/launch.hpp"
#include "launcher/supervisor/program_processes.hpp"
#include "slurm/job/job_environment.hpp"
#include "slurm/queue/command.hpp"

namespace trireme::launcher {

std::string this_node() {
  if (const auto name = slurm::environment_variable("SLURMD_NODENAME")) return *name;
  return base::host_name();
}

namespace {

// Runs `trireme job signal` with these words on the nodes besides this one: the sum of what they print; nothing when
// one of them cannot be reached.
std::optional<int> on_others(std::vector<std::string> hosts, const std::vector<std::string>& words,
                             std::string& error) {
  constexpr int kSeconds = 10;
  std::erase(hosts, this_node());
  if (hosts.empty()) return 0;
  std::vector<std::string> command = {base::own_program().string(), "job", "signal"};
  command.insert(command.end(), words.begin(), words.end());
  const auto sent = slurm::run_command(on_each_node(kSeconds, hosts, command));
  if (!sent || sent->exit_code != 0) {
    error = sent ? sent->error.substr(0, sent->error.find('\n')) : "there is no srun";
    return std::nullopt;
  }
  int reached = 0;
  std::istringstream counts(sent->output);
  for (int count = 0; counts >> count;) reached += count;
  return reached;
}

}  // namespace

int kill_leftovers_on(const std::vector<std::string>& hosts, const std::string& run_directory, bool in_job) {
  const int here = kill_leftovers(run_directory);
  std::string error;
  return here + (in_job ? on_others(hosts, {"--leftovers-of", run_directory}, error).value_or(0) : 0);
}

bool ProgramRanks::send(int signal, Reach reach, double now) {
  constexpr double kAgain = 3;  // srun is a burden for a busy controller
  if (signal != sending_) {
    sending_ = signal;
    here_ = elsewhere_ = false;
    asked_others_ = 0;
  }
  if (!here_) here_ = signal_program(launch_, signal, reach) > 0;
  if (!elsewhere_ && now - asked_others_ >= kAgain) {
    asked_others_ = now;
    elsewhere_ = signal_others(signal, reach).value_or(0) > 0;
  }
  return here_ || elsewhere_;
}

void ProgramRanks::kill() {
  signal_program(launch_, SIGKILL, Reach::kAll);
  signal_others(SIGKILL, Reach::kAll);
}

bool ProgramRanks::gone(double now) {
  constexpr double kLinger = 2, kPatience = 30;
  constexpr int kOnlyCounts = 0;
  if (!find_processes(launch_).empty()) {
    gone_since_.reset();
    return false;
  }
  if (!gone_since_) gone_since_ = now;
  if (now - *gone_since_ <= kLinger) return false;
  const auto others = signal_others(kOnlyCounts, Reach::kAll);
  return others ? *others == 0 : now - *gone_since_ > kPatience;
}

std::optional<int> ProgramRanks::signal_others(int signal, Reach reach) const {
  if (!in_job_) return 0;
  const std::string file = launch_file(launch_.run_directory, launch_.attempt).string();
  std::vector<std::string> words = {file, "--number", std::to_string(signal)};
  if (reach == Reach::kAll) words.emplace_back("--all");
  if (reach == Reach::kCatching) words.emplace_back("--catching");
  std::string error;
  const auto reached = on_others(placement_.hosts, words, error);
  if (!reached) log_.warn(base::str("not all nodes of the program could be reached: ", error));
  return reached;
}

}  // namespace trireme::launcher
