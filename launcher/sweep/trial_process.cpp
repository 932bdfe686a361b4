#include "launcher/sweep/trial_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/child_signals.hpp"
#include "base/error.hpp"
#include "slurm/queue/command_environment.hpp"

namespace trireme::launcher {
namespace {

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Later values win.
std::vector<std::string> environment_with(const std::vector<std::string>& variables) {
  std::vector<std::string> all = slurm::own_environment();
  for (const std::string& variable : variables) {
    const std::string name = variable.substr(0, variable.find('=') + 1);
    std::erase_if(all, [&](const std::string& one) { return one.starts_with(name); });
    all.push_back(variable);
  }
  return all;
}

pid_t spawn(const TrialCommand& command) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, command.log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  if (!command.directory.empty()) ::posix_spawn_file_actions_addchdir_np(&actions, command.directory.c_str());
  const base::SpawnAttributes attributes(POSIX_SPAWN_SETPGROUP);
  const std::vector<std::string> variables = environment_with(command.variables);
  auto arguments = pointers_to(command.words);
  auto environment = pointers_to(variables);
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, arguments[0], &actions, attributes.get(), arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed == 0) return child;
  throw base::Error(base::str("cannot start ", command.words[0], " for a trial (output to ", command.log.string(),
                              "): ", std::strerror(failed)));
}

}  // namespace

int TrialProcesses::run(const TrialCommand& command) {
  pid_t child = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return base::kExitStopped;
    child = spawn(command);
    running_.insert(child);
  }
  // The process is not reaped before it is off the list: until then its id can be nobody else's.
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
  }
  const std::lock_guard lock(mutex_);
  running_.erase(child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void TrialProcesses::stop() {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  stopping_ = true;
  for (const pid_t child : running_) ::kill(child, SIGUSR1);
}

void TrialProcesses::kill() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  for (const pid_t child : running_) ::kill(-child, SIGKILL);
}

}  // namespace trireme::launcher
