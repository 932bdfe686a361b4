// How much of the machine a control group (cgroup v1 or v2) leaves to this process.
#pragma once

#include <cstdint>

#include "base/file_system.hpp"

namespace trireme::base {

struct HostLimits {
  std::uint64_t memory_bytes = 0;       ///< the smallest of the machine's memory and the limits of all groups above us
  std::uint64_t memory_free_bytes = 0;  ///< of these, what is unused or used by the page cache only
  double cpus = 0;                      ///< the smallest quota, in CPUs; 0: none
};

/// Reads /proc/meminfo, /proc/self/cgroup and the groups' files below `root` ("/" except in tests). A file that cannot
/// be read sets no limit. Inside a container the group's own path is often not mounted; then the mount's root is read
/// instead.
HostLimits read_host_limits(FileSystem& files, const std::filesystem::path& root = "/");

}  // namespace trireme::base
