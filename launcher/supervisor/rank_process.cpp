#include "launcher/supervisor/rank_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/child_signals.hpp"
#include "base/error.hpp"
#include "base/signals.hpp"
#include "base/wait_status.hpp"
#include "launcher/supervisor/launch.hpp"
#include "launcher/supervisor/launcher_words.hpp"
#include "launcher/supervisor/program_processes.hpp"
#include "launcher/supervisor/program_ranks.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

[[noreturn]] void become_program(const Launch& launch, const std::map<std::string, std::string>& variables,
                                 pid_t starter) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != starter) ::_exit(1);  // it died before that was set
  for (const auto* map : {&variables, &launch.environment}) {
    for (const auto& [name, value] : *map) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ::setenv(kProgramMark, launch.token.c_str(), 1);
  for (const char* name : {"TRIREME_STOP_SIGNAL", "TRIREME_SAVE_SIGNAL"}) {
    const auto signal = launch.environment.find(name);
    const int number = signal == launch.environment.end() ? 0 : signal_number(signal->second);
    if (number != 0) base::default_signal_for_exec(number);
  }
  base::free_signals_for_exec();
  ::execl("/bin/sh", "/bin/sh", "-c", launch.command.c_str(), nullptr);
  ::_exit(127);
}

// Whether the signal asks a program to end.
bool asks(int signal) {
  return signal == SIGTERM || signal == SIGUSR1 || signal == SIGUSR2 || signal == SIGINT || signal == SIGHUP;
}

// Waits for the program. Slurm's own signals go to all processes of a job: a shell then dies of it while the command
// that it waited for still saves. So when the first process is ended by such a signal, those that it leaves behind
// (this process inherits them) are waited for too, and the last one's end counts.
int wait_for(pid_t child) {
  bool orphans = false;
  for (int code = 1;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return code;  // none is left
    if (ended != child && !orphans) continue;
    code = base::code_of_wait_status(status);
    if (ended == child) orphans = WIFSIGNALED(status) && asks(WTERMSIG(status));
    if (!orphans) return code;
  }
}

// A launcher that is killed takes its ranks along, with all that they started: two processes that both believe to be
// the run's would write over each other. (A signal at the launcher's death would end this process alone.)
void end_with_launcher(const std::stop_token& stop, pid_t launcher, const Launch& launch) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    if (::getppid() != launcher) {
      signal_program(launch, SIGKILL, Reach::kAll);
      ::_exit(128 + SIGKILL);
    }
    stopped.wait_for(lock, stop, std::chrono::milliseconds(50), [] { return false; });
  }
}

}  // namespace

int run_rank(base::FileSystem& files, const std::filesystem::path& launch_file) {
  const pid_t launcher = ::getppid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, 0);  // the thread below does more
  base::block_stop_signals();    // they are for the program
  const Launch launch = read_launch(files, launch_file);
  const auto variables = rank_variables(launch.launcher, slurm::environment_variable);
  const pid_t starter = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw base::Error(base::str("cannot start the program: ", std::strerror(errno)));
  if (child == 0) become_program(launch, variables, starter);
  const std::jthread watching([&](const std::stop_token& stop) { end_with_launcher(stop, launcher, launch); });
  const int code = wait_for(child);
  if (code == base::kExitDone) return code;
  leave_rank_end(files, launch, {code, rank_of(slurm::environment_variable, variables), this_node()});
  return code == base::kExitStopped ? base::kExitDone : code;
}

}  // namespace trireme::launcher
