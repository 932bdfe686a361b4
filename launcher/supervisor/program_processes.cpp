#include "launcher/supervisor/program_processes.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <thread>
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

struct OwnProcess {
  pid_t pid = 0;
  pid_t parent = 0;
};

std::vector<OwnProcess> own_processes() {
  std::vector<OwnProcess> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc"), ::closedir);
  if (!directory) return found;
  for (const dirent* entry = ::readdir(directory.get()); entry != nullptr; entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size() || pid == ::getpid()) continue;
    struct stat status {};
    if (::stat(base::str("/proc/", pid).c_str(), &status) != 0 || status.st_uid != ::geteuid()) continue;
    if (const auto parent = parent_of(pid)) found.push_back({pid, *parent});
  }
  return found;
}

// Whether this is `trireme job rank FILE`, the starter of one of the attempt's ranks. (The words of mpirun end so too.)
bool is_starter(pid_t pid, const std::string& launch_file) {
  const std::string words = read_of(pid, "cmdline");
  const std::size_t program = words.find('\0');
  return program != std::string::npos &&
         words.substr(program) == base::str('\0', "job", '\0', "rank", '\0', launch_file, '\0');
}

// The chosen processes and all that they started.
template <typename Chosen>
std::vector<ProgramProcess> with_descendants(const std::vector<OwnProcess>& all, const Chosen& chosen) {
  std::vector<ProgramProcess> found;
  std::vector<bool> in(all.size(), false);
  for (std::size_t i = 0; i < all.size(); ++i) in[i] = chosen(all[i]);
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto parent = std::ranges::find(all, all[i].parent, &OwnProcess::pid);
      if (in[i] || parent == all.end() || !in[static_cast<std::size_t>(parent - all.begin())]) continue;
      in[i] = more = true;
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (in[i]) found.push_back({all[i].pid, all[i].parent, is_our_shell(all[i].pid)});
  }
  return found;
}

// Whether the process handles the signal itself, as /proc/PID/status says (SigCgt: a mask in hexadecimal).
bool catches(pid_t pid, int signal) {
  const std::string status = read_of(pid, "status");
  const std::size_t at = status.find("SigCgt:");
  if (at == std::string::npos) return false;
  const auto mask = std::strtoull(status.c_str() + at + std::string_view("SigCgt:").size(), nullptr, 16);
  return (mask >> (signal - 1) & 1U) != 0;
}

}  // namespace

std::vector<ProgramProcess> find_processes(const Launch& launch) {
  const auto all = own_processes();
  const std::string mark = std::string(kProgramMark) + '=' + launch.token;
  const std::string file = launch_file(launch.run_directory, launch.attempt).string();
  std::vector<pid_t> starters;
  for (const OwnProcess& one : all) {
    if (is_starter(one.pid, file)) starters.push_back(one.pid);
  }
  return with_descendants(all, [&](const OwnProcess& one) {
    return std::ranges::count(starters, one.parent) != 0 || has_entry(read_of(one.pid, "environ"), mark);
  });
}

std::vector<pid_t> signal_targets(const std::vector<ProgramProcess>& processes) {
  const auto find = [&](pid_t pid) { return std::ranges::find(processes, pid, &ProgramProcess::pid); };
  const auto is_first = [&](const ProgramProcess& one) { return find(one.parent) == processes.end(); };
  std::vector<pid_t> first, behind_shells;
  for (const ProgramProcess& one : processes) {
    if (is_first(one)) {
      first.push_back(one.pid);
    } else if (const auto parent = find(one.parent); parent->shell && is_first(*parent)) {
      behind_shells.push_back(one.pid);
    }
  }
  // A shell that learns of it first does not begin the next command when the one that it waits for ends.
  first.insert(first.end(), behind_shells.begin(), behind_shells.end());
  return first;
}

int signal_program(const Launch& launch, int signal, Reach reach) {
  const auto processes = find_processes(launch);
  std::vector<pid_t> targets;
  if (reach == Reach::kAll) {
    for (const ProgramProcess& one : processes) targets.push_back(one.pid);
  } else {
    targets = signal_targets(processes);
  }
  if (reach == Reach::kCatching) std::erase_if(targets, [&](pid_t pid) { return !catches(pid, signal); });
  return static_cast<int>(std::ranges::count_if(targets, [&](pid_t pid) { return ::kill(pid, signal) == 0; }));
}

int kill_leftovers(const std::string& run_directory) {
  constexpr auto kPatience = std::chrono::seconds(5);
  const auto begin = std::chrono::steady_clock::now();
  int killed = 0;
  for (bool first = true; std::chrono::steady_clock::now() - begin < kPatience; first = false) {
    const auto left = with_descendants(own_processes(), [&](const OwnProcess& one) {
      const std::string environment = read_of(one.pid, "environ");
      // A shell in which somebody set the variable by hand has no mark.
      return has_entry(environment, "TRIREME_RUN_DIR=" + run_directory) &&
             environment.find(std::string(kProgramMark) + '=') != std::string::npos;
    });
    if (left.empty()) break;
    if (!first) std::this_thread::sleep_for(std::chrono::milliseconds(50));
    for (const ProgramProcess& one : left) {
      if (::kill(one.pid, SIGKILL) == 0 && first) ++killed;
    }
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
