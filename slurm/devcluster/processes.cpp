#include "slurm/devcluster/processes.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <sstream>
#include <thread>

#include "base/child_signals.hpp"
#include "base/error.hpp"

extern char** environ;

namespace trireme::devcluster {
namespace {

namespace fs = std::filesystem;

struct Stat {
  char state = 'Z';
  std::uint64_t started = 0;
};

// What a file of /proc holds; nothing when its process has ended, be it between opening and reading, where a stream's
// iterators would throw.
std::string text_of(const fs::path& path) {
  std::string text;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char part[4096];
  ssize_t length = 0;
  while ((length = ::read(file, part, sizeof part)) > 0) text.append(part, static_cast<std::size_t>(length));
  ::close(file);
  return text;
}

// The command's name is in parentheses and may hold anything, so fields are counted from the last parenthesis.
std::optional<Stat> stat_of(pid_t pid) {
  const std::string text = text_of("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end + 1));
  Stat stat;
  fields >> stat.state;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  if (!(fields >> stat.started)) return std::nullopt;
  return stat;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

// Returns the processes, without zombies, for which `is_wanted("/proc/<pid>")` holds.
template <typename Wanted>
std::vector<ProcessId> processes_that(Wanted is_wanted) {
  std::vector<ProcessId> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
    if (!is_wanted(entry.path())) continue;
    if (const auto stat = stat_of(pid); stat && stat->state != 'Z') found.push_back({pid, stat->started});
  }
  return found;
}

/// The environment of a process in /proc, each variable ended by a zero byte. In the middle of an exec it is empty for
/// a moment, even after posix_spawn has returned in the parent; so a program with an empty one is asked again for a
/// tenth of a second.
std::string environment_of(const fs::path& directory) {
  std::error_code no_program;
  for (int look = 0;; ++look) {
    std::string text = text_of(directory / "environ");
    if (!text.empty() || look == 50 || fs::read_symlink(directory / "exe", no_program).empty()) return text;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

bool holds(const std::string& environment, const std::string& variable) {
  std::istringstream lines(environment);
  for (std::string line; std::getline(lines, line, '\0');) {
    if (line == variable) return true;
  }
  return false;
}

}  // namespace

bool is_alive(const ProcessId& process) {
  const auto stat = stat_of(process.pid);
  return stat && stat->state != 'Z' && stat->state != 'X' && stat->started == process.started;
}

ProcessId start_daemon(const std::vector<std::string>& words, const fs::path& log,
                       const std::vector<std::string>& environment) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  const base::SpawnAttributes attributes(POSIX_SPAWN_SETSID);
  std::vector<std::string> variables = environment;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  auto arguments = pointers(words);
  auto variable_pointers = pointers(variables);
  ProcessId process;
  const int failed = ::posix_spawnp(&process.pid, arguments[0], &actions, attributes.get(), arguments.data(),
                                    variable_pointers.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw base::Error(base::str("cannot start ", words[0], ": ", std::strerror(failed)));
  if (const auto stat = stat_of(process.pid)) process.started = stat->started;
  return process;
}

void end_processes(const std::vector<ProcessId>& processes, double seconds) {
  using Clock = std::chrono::steady_clock;
  const auto send = [&](int signal) {
    for (const ProcessId& process : processes) {
      if (is_alive(process)) ::kill(process.pid, signal);
    }
  };
  const auto wait_for = [&](double limit) {
    const auto until = Clock::now() + std::chrono::duration<double>(limit);
    while (std::any_of(processes.begin(), processes.end(), is_alive) && Clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  };
  if (seconds > 0) {
    send(SIGTERM);
    wait_for(seconds);
  }
  send(SIGKILL);
  wait_for(5);
}

std::vector<ProcessId> processes_in(const fs::path& pin) {
  struct stat wanted {};
  if (::stat(pin.c_str(), &wanted) != 0) return {};
  return processes_that([&](const fs::path& directory) {
    struct stat space {};
    return ::stat((directory / "ns/uts").c_str(), &space) == 0 && space.st_ino == wanted.st_ino &&
           space.st_dev == wanted.st_dev;
  });
}

std::vector<ProcessId> processes_with(const std::string& variable) {
  return processes_that([&](const fs::path& directory) {
    if (directory.filename() == std::to_string(::getpid())) return false;
    return holds(environment_of(directory), variable);
  });
}

std::string to_line(const Record& record) {
  return base::str(record.role, ' ', record.process.pid, ' ', record.process.started, '\n');
}

std::vector<Record> records_from(const std::string& text) {
  std::vector<Record> records;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line) && !lines.eof();) {
    std::istringstream words(line);
    Record record;
    if (words >> record.role >> record.process.pid >> record.process.started && record.process.pid > 1) {
      records.push_back(record);
    }
  }
  return records;
}

}  // namespace trireme::devcluster
