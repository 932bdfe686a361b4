// What a control group (cgroup v1 or v2) leaves this process of the machine.
#pragma once

#include <cstdint>

#include "base/file_system.hpp"

namespace trireme::base {

struct HostLimits {
  std::uint64_t memory_bytes = 0;       ///< the smallest of the machine's memory and the limits of all groups above us
  std::uint64_t memory_free_bytes = 0;  ///< of these, what nobody uses, or only the page cache does
  double cpus = 0;                      ///< the smallest quota, in CPUs; 0: none
};

/// Reads /proc/meminfo, /proc/self/cgroup and the groups' files below `root` ("/" but for tests). What cannot be read
/// sets no limit: inside a container the group's own path is often not mounted, and the mount's root is asked instead.
HostLimits read_host_limits(FileSystem& files, const std::filesystem::path& root = "/");

}  // namespace trireme::base
