#include "base/host_limits.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <string>

#include "base/error.hpp"

namespace trireme::base {
namespace {

using Path = std::filesystem::path;

/// Files of /proc and /sys report length 0, but have content; they are short.
std::optional<std::string> read_text(FileSystem& files, const Path& path) {
  try {
    std::string text(std::size_t{1} << 16, '\0');
    text.resize(files.open(path, OpenMode::kRead)->pread(text.data(), text.size(), 0));
    return text;
  } catch (const IoError&) {
    return std::nullopt;
  }
}

/// The first number in a file; nothing for "max", for a negative number, or without the file.
std::optional<double> read_number(FileSystem& files, const Path& path) {
  const auto text = read_text(files, path);
  if (!text) return std::nullopt;
  std::istringstream in(*text);
  double number = 0;
  if (!(in >> number) || number < 0) return std::nullopt;
  return number;
}

/// The number behind `name` in a file with lines of "name number".
std::optional<double> read_field(FileSystem& files, const Path& path, const std::string& name) {
  std::istringstream in(read_text(files, path).value_or(""));
  std::string word;
  for (double number = 0; in >> word >> number; in.ignore(64, '\n')) {
    if (word == name) return number;
  }
  return std::nullopt;
}

/// Takes a group's memory limit, and what its processes use of it without the page cache, into `limits`.
void take_memory(HostLimits& limits, std::optional<double> bytes, double used) {
  // Version 1 groups without a limit report 2^63 less a page.
  if (!bytes || *bytes >= 9e18) return;
  limits.memory_bytes = std::min(limits.memory_bytes, static_cast<std::uint64_t>(*bytes));
  limits.memory_free_bytes =
      std::min(limits.memory_free_bytes, static_cast<std::uint64_t>(std::max(0.0, *bytes - used)));
}

void take_quota(HostLimits& limits, double quota, double period) {
  if (quota <= 0 || period <= 0) return;
  limits.cpus = limits.cpus == 0 ? quota / period : std::min(limits.cpus, quota / period);
}

void read_unified(FileSystem& files, const Path& group, HostLimits& limits) {
  take_memory(limits, read_number(files, group / "memory.max"),
              read_number(files, group / "memory.current").value_or(0) -
                  read_field(files, group / "memory.stat", "file").value_or(0));
  if (const auto text = read_text(files, group / "cpu.max")) {
    std::istringstream in(*text);
    double quota = 0;
    double period = 0;
    if (in >> quota >> period) take_quota(limits, quota, period);
  }
}

void read_cpu_v1(FileSystem& files, const Path& group, HostLimits& limits) {
  take_quota(limits, read_number(files, group / "cpu.cfs_quota_us").value_or(0),
             read_number(files, group / "cpu.cfs_period_us").value_or(0));
}

/// Calls `read` for the group `path` below `mount` and for every group above it.
template <typename Read>
void upwards(const Path& mount, const Path& path, Read read) {
  for (Path at = path.relative_path(); !at.empty(); at = at.parent_path()) read(mount / at);
  read(mount);
}

std::uint64_t memory_of_machine(FileSystem& files, const Path& root, const char* name) {
  return static_cast<std::uint64_t>(read_field(files, root / "proc/meminfo", name).value_or(0) * 1024);
}

}  // namespace

HostLimits read_host_limits(FileSystem& files, const Path& root) {
  HostLimits limits;
  limits.memory_bytes = memory_of_machine(files, root, "MemTotal:");
  limits.memory_free_bytes = memory_of_machine(files, root, "MemAvailable:");
  const Path mounts = root / "sys/fs/cgroup";
  std::istringstream lines(read_text(files, root / "proc/self/cgroup").value_or(""));
  for (std::string line; std::getline(lines, line);) {
    // hierarchy:controllers:path
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const Path path = line.substr(second + 1);
    const std::string list = "," + controllers + ",";
    if (controllers.empty()) {
      for (const Path& mount : {mounts, mounts / "unified"}) {
        upwards(mount, path, [&](const Path& group) { read_unified(files, group, limits); });
      }
    }
    if (list.find(",memory,") != std::string::npos) {
      upwards(mounts / "memory", path, [&](const Path& group) {
        take_memory(limits, read_number(files, group / "memory.limit_in_bytes"),
                    read_number(files, group / "memory.usage_in_bytes").value_or(0) -
                        read_field(files, group / "memory.stat", "total_cache").value_or(0));
      });
    }
    if (list.find(",cpu,") != std::string::npos) {
      for (const std::string& mount : {std::string("cpu"), controllers}) {
        upwards(mounts / mount, path, [&](const Path& group) { read_cpu_v1(files, group, limits); });
      }
    }
  }
  return limits;
}

}  // namespace trireme::base
