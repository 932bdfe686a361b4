#include "launcher/supervisor/program_processes.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.hpp"
#include "launcher/supervisor/launch.hpp"

namespace trireme::launcher {
namespace {

// Reads one of a process's files; "" when the process is gone or somebody else's. A process may end while it is read,
// which is an error of read(2) that a stream would throw.
std::string read_of(pid_t pid, const char* name) {
  const std::string path = base::str("/proc/", pid, '/', name);
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  std::string text;
  if (!file) return text;
  char block[8192];
  for (std::size_t count; (count = std::fread(block, 1, sizeof block, file.get())) > 0;) text.append(block, count);
  return text;
}

bool has_entry(std::string_view text, std::string_view entry) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\0', begin), text.size());
    if (text.substr(begin, end - begin) == entry) return true;
    begin = end + 1;
  }
  return false;
}

// The parent of a process that runs or sleeps; nothing for one that has ended.
std::optional<pid_t> parent_of(pid_t pid) {
  const std::string stat = read_of(pid, "stat");
  const std::size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos || name_end + 4 >= stat.size()) return std::nullopt;
  const char state = stat[name_end + 2];
  pid_t parent = 0;
  std::from_chars(stat.data() + name_end + 4, stat.data() + stat.size(), parent);
  return state == 'Z' || state == 'X' ? std::nullopt : std::optional(parent);
}

bool is_our_shell(pid_t pid) {
  using namespace std::string_view_literals;
  return std::string_view(read_of(pid, "cmdline")).starts_with("/bin/sh\0-c\0"sv);
}

template <typename Visit>
void for_each_own_process(const Visit& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return;
  for (const dirent* entry = ::readdir(directory.get()); entry != nullptr; entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    struct stat status {};
    if (::stat(base::str("/proc/", pid).c_str(), &status) != 0 || status.st_uid != ::geteuid()) continue;
    visit(pid);
  }
}

}  // namespace

std::vector<ProgramProcess> find_processes(const std::string& variable, const std::string& value) {
  std::vector<ProgramProcess> found;
  for_each_own_process([&](pid_t pid) {
    if (pid == ::getpid() || !has_entry(read_of(pid, "environ"), variable + '=' + value)) return;
    if (const auto parent = parent_of(pid)) found.push_back({pid, *parent, is_our_shell(pid)});
  });
  return found;
}

std::vector<pid_t> signal_targets(const std::vector<ProgramProcess>& processes) {
  const auto find = [&](pid_t pid) { return std::ranges::find(processes, pid, &ProgramProcess::pid); };
  const auto has_child = [&](pid_t pid) {
    return std::ranges::find(processes, pid, &ProgramProcess::parent) != processes.end();
  };
  std::vector<pid_t> targets;
  for (const ProgramProcess& one : processes) {
    const auto parent = find(one.parent);
    const bool first = parent == processes.end();
    const bool waits = one.shell && has_child(one.pid);
    const bool of_first_shell = !first && parent->shell && find(parent->parent) == processes.end();
    if ((first && !waits) || of_first_shell) targets.push_back(one.pid);
  }
  return targets;
}

int signal_program(const std::string& token, int signal) {
  const auto processes = find_processes(kProgramMark, token);
  std::vector<pid_t> targets;
  if (signal == SIGKILL) {
    for (const ProgramProcess& one : processes) targets.push_back(one.pid);
  } else {
    targets = signal_targets(processes);
  }
  return static_cast<int>(std::ranges::count_if(targets, [&](pid_t pid) { return ::kill(pid, signal) == 0; }));
}

int kill_leftovers(const std::string& run_directory) {
  int killed = 0;
  for (const ProgramProcess& one : find_processes("TRIREME_RUN_DIR", run_directory)) {
    // The mark keeps a shell in which somebody set the variable by hand alive.
    if (read_of(one.pid, "environ").find(std::string(kProgramMark) + '=') == std::string::npos) continue;
    killed += ::kill(one.pid, SIGKILL) == 0 ? 1 : 0;
  }
  return killed;
}

int signal_number(const std::string& name) {
  constexpr std::pair<const char*, int> kSignals[] = {
      {"USR1", SIGUSR1}, {"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"INT", SIGINT}, {"HUP", SIGHUP}};
  for (const auto& [known, number] : kSignals) {
    if (name == known) return number;
  }
  return 0;
}

}  // namespace trireme::launcher
