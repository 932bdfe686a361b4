#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "base/host_name.hpp"
#include "io/lease/lease.hpp"

namespace trireme::checkpoint {
namespace {

std::string read_line(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

/// The state letter and start time of a process from /proc/<id>/stat; empty when it cannot be read.
std::pair<std::string, std::string> stat_of(std::int64_t process) {
  const std::string line = read_line(base::str("/proc/", process, "/stat"));
  const std::size_t name_end = line.rfind(')');  // the name in parentheses may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(line.substr(name_end + 1));
  std::pair<std::string, std::string> result;
  std::string field;
  constexpr int kState = 3;
  constexpr int kStartTime = 22;
  for (int number = kState; number <= kStartTime && fields >> field; ++number) {
    if (number == kState) result.first = field;
    if (number == kStartTime) result.second = field;
  }
  return result;
}

bool process_alive(std::int64_t process, const std::string& started) {
  if (::kill(static_cast<pid_t>(process), 0) != 0 && errno == ESRCH) return false;
  const auto [state, start_time] = stat_of(process);
  return start_time.empty() || (start_time == started && state != "Z");
}

}  // namespace

std::string process_start(std::int64_t process) { return stat_of(process).second; }

LeaseHolder this_process(const std::string& job, std::int64_t restart, const std::string& cluster) {
  LeaseHolder holder;
  holder.cluster = cluster;
  holder.job = job;
  holder.restart = restart;
  holder.host = base::host_name();
  std::error_code ignored;
  holder.machine = read_line("/proc/sys/kernel/random/boot_id") + " " +
                   std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
  holder.process = ::getpid();
  holder.started = process_start(holder.process);
  std::random_device random;
  std::ostringstream token;
  for (int i = 0; i < 4; ++i) token << std::hex << random() << (i < 3 ? "-" : "");
  holder.token = token.str();
  return holder;
}

LeaseWorld real_world(std::function<std::optional<bool>(const std::string& job)> job_running,
                      std::function<bool()> stop_requested, std::function<std::string()> cluster) {
  return {std::chrono::steady_clock::now,
          [stop_requested = std::move(stop_requested)](std::chrono::milliseconds time) {
            std::this_thread::sleep_for(time);
            return !stop_requested();
          },
          process_alive, std::move(job_running), std::move(cluster)};
}

}  // namespace trireme::checkpoint
