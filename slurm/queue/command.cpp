#include "slurm/queue/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "base/child_signals.hpp"
#include "base/wait_status.hpp"
#include "slurm/queue/command_environment.hpp"

namespace trireme::slurm {
namespace {

struct Pipe {
  int read = -1;
  int write = -1;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  void close_write() {
    if (write >= 0) ::close(write);
    write = -1;
  }
  ~Pipe() {
    if (read >= 0) ::close(read);
    close_write();
  }
};

// Reads what is there. Returns false at the end of the stream.
bool take(int from, std::string& text) {
  char buffer[4096];
  const ssize_t count = ::read(from, buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

// The time until the deadline in milliseconds, for poll(2).
int wait_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

// Reads both pipes at once, since a program blocks when one of its pipes is full. Returns false at the deadline.
bool read_both(const Pipe& output, const Pipe& error, CommandResult& result, Deadline deadline) {
  pollfd ends[2] = {{output.read, POLLIN, 0}, {error.read, POLLIN, 0}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    const int ready = ::poll(ends, 2, wait_until(deadline));
    if (ready < 0 && errno != EINTR) return true;
    if (Clock::now() >= deadline) return false;
    if (ends[0].revents != 0 && !take(output.read, result.output)) ends[0].fd = -1;
    if (ends[1].revents != 0 && !take(error.read, result.error)) ends[1].fd = -1;
    ends[0].revents = ends[1].revents = 0;
  }
  return true;
}

// The program's exit code; nothing at the deadline.
std::optional<int> exit_code_of(pid_t child, Deadline deadline) {
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return base::code_of_wait_status(status);
    if (ended < 0 && errno != EINTR) return 128;
    if (ended == 0) {
      if (Clock::now() >= deadline) return std::nullopt;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
}

void kill_group(pid_t child) {
  constexpr auto kToDie = std::chrono::milliseconds(200);
  ::kill(-child, SIGKILL);
  (void)exit_code_of(child, Clock::now() + kToDie);
}

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// The program becomes the leader of a process group of its own.
std::optional<pid_t> spawn(const std::vector<std::string>& words, const Pipe& output, const Pipe& error) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error.write, STDERR_FILENO);
  const base::SpawnAttributes attributes(POSIX_SPAWN_SETPGROUP);
  const std::vector<std::string> variables = command_environment(words[0], own_environment());
  auto arguments = pointers_to(words);
  auto environment = pointers_to(variables);
  pid_t child = 0;
  const int failed =
      ::posix_spawnp(&child, arguments[0], &actions, attributes.get(), arguments.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  return failed == 0 ? std::optional(child) : std::nullopt;
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", seconds);
  return text;
}

}  // namespace

std::optional<CommandResult> run_command(const std::vector<std::string>& words) {
  return run_command_within(kPatience, words);
}

std::optional<CommandResult> run_command_within(double seconds, const std::vector<std::string>& words) {
  const Deadline deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  Pipe output, error;
  if (!output.open() || !error.open()) return std::nullopt;
  const auto child = spawn(words, output, error);
  if (!child) return std::nullopt;
  output.close_write();
  error.close_write();
  CommandResult result;
  const bool whole = read_both(output, error, result, deadline);
  const auto code = whole ? exit_code_of(*child, deadline) : std::nullopt;
  if (!code) kill_group(*child);
  if (!code) return CommandResult{kNoAnswer, "", "no answer within " + seconds_text(seconds)};
  result.exit_code = *code;
  return result;
}

std::optional<std::string> output_of(const RunCommand& run, const std::vector<std::string>& words) {
  const auto result = run(words);
  if (!result || result->exit_code != 0) return std::nullopt;
  return result->output;
}

}  // namespace trireme::slurm
