// Where a run's checkpoints lie below checkpoint.fast_dir.
#pragma once

#include <filesystem>
#include <string>

namespace trireme::launcher {

/// "<fast_dir>/trireme-<run_id>", on each node.
inline std::filesystem::path fast_directory(const std::string& fast_dir, const std::string& run_id) {
  return std::filesystem::path(fast_dir) / ("trireme-" + run_id);
}

}  // namespace trireme::launcher
