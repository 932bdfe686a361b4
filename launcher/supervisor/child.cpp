#include "launcher/supervisor/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/child_signals.hpp"
#include "base/error.hpp"
#include "base/wait_status.hpp"

namespace trireme::launcher {
namespace {

// In the new process: becomes the program, or writes errno to `report`.
[[noreturn]] void become(const std::vector<char*>& words, pid_t parent, int report) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() == parent) {
    const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
    base::free_signals_for_exec();
    ::execvp(words.front(), words.data());
  }
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(report, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) {
    throw base::Error(base::str("cannot start ", words.front(), ": ", std::strerror(errno)));
  }
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) become(pointers, parent, report[1]);
  const int fork_error = errno;
  ::close(report[1]);
  int error = 0;
  const bool failed = pid_ < 0 || ::read(report[0], &error, sizeof error) == sizeof error;  // closed by exec
  ::close(report[0]);
  if (failed) {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    error = pid_ < 0 ? fork_error : error;
    const std::string what = base::str("cannot start ", words.front(), ": ", std::strerror(error));
    if (error == ENOENT) throw base::InputError(what + " (it is not in PATH)");
    throw base::Error(what);
  }
  waiting_ = std::jthread([this] {
    siginfo_t ended{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    const std::lock_guard lock(mutex_);  // its number is not free for another process before that
    int status = 0;
    ::waitpid(pid_, &status, 0);
    code_ = base::code_of_wait_status(status);
    changed_.notify_all();
  });
}

Child::~Child() {
  const std::unique_lock lock(mutex_);
  if (!code_) ::kill(-pid_, SIGKILL);
}

std::optional<int> Child::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] { return code_ || nudged_; });
  nudged_ = false;
  return code_;
}

void Child::nudge() {
  const std::lock_guard lock(mutex_);
  nudged_ = true;
  changed_.notify_all();
}

void Child::kill() {
  const std::lock_guard lock(mutex_);
  if (!code_) ::kill(-pid_, SIGKILL);
}

}  // namespace trireme::launcher
