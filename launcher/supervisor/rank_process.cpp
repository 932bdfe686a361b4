#include "launcher/supervisor/rank_process.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "base/child_signals.hpp"
#include "base/error.hpp"
#include "base/signals.hpp"
#include "launcher/supervisor/launch.hpp"
#include "launcher/supervisor/launcher_words.hpp"
#include "launcher/supervisor/program_processes.hpp"
#include "slurm/job/job_environment.hpp"

namespace trireme::launcher {
namespace {

std::string this_host() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "";
}

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

int code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

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
    code = code_of(status);
    if (ended == child) orphans = WIFSIGNALED(status) && asks(WTERMSIG(status));
    if (!orphans) return code;
  }
}

}  // namespace

int run_rank(base::FileSystem& files, const std::filesystem::path& launch_file) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a launcher that is killed takes its ranks along
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  base::block_stop_signals();  // they are for the program
  const Launch launch = read_launch(files, launch_file);
  const auto variables = rank_variables(launch.launcher, slurm::environment_variable);
  const pid_t starter = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) throw base::Error(base::str("cannot start the program: ", std::strerror(errno)));
  if (child == 0) become_program(launch, variables, starter);
  const int code = wait_for(child);
  if (code == base::kExitDone) return code;
  leave_rank_end(files, launch, {code, rank_of(slurm::environment_variable, variables), this_host()});
  return code == base::kExitStopped ? base::kExitDone : code;
}

}  // namespace trireme::launcher
