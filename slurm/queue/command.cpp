#include "slurm/queue/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

extern char** environ;

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

// False at the end of the stream.
bool take(int from, std::string& text) {
  char buffer[4096];
  const ssize_t count = ::read(from, buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && errno == EINTR);
}

// Both at once: a program blocks when one of its pipes is full.
void read_both(const Pipe& output, const Pipe& error, CommandResult& result) {
  pollfd ends[2] = {{output.read, POLLIN, 0}, {error.read, POLLIN, 0}};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    if (::poll(ends, 2, -1) < 0 && errno != EINTR) return;
    if (ends[0].revents != 0 && !take(output.read, result.output)) ends[0].fd = -1;
    if (ends[1].revents != 0 && !take(error.read, result.error)) ends[1].fd = -1;
    ends[0].revents = ends[1].revents = 0;
  }
}

int exit_code_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::optional<CommandResult> run_command(const std::vector<std::string>& words) {
  Pipe output, error;
  if (!output.open() || !error.open()) return std::nullopt;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output.write, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error.write, STDERR_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return std::nullopt;
  output.close_write();
  error.close_write();
  CommandResult result;
  read_both(output, error, result);
  result.exit_code = exit_code_of(child);
  return result;
}

std::optional<std::string> output_of(const RunCommand& run, const std::vector<std::string>& words) {
  const auto result = run(words);
  if (!result || result->exit_code != 0) return std::nullopt;
  return result->output;
}

}  // namespace trireme::slurm
