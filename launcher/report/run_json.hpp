// One run of a report.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

struct RunJson {
  std::string text;  ///< a JSON object; docs/report.md lists its members
  std::uint64_t lines = 0;
  double device_seconds = 0.0;
  bool gpus = false;
  std::vector<std::string> problems;
};

/// `name`: as the page calls the run. Never throws for what the files hold.
RunJson read_run_json(base::FileSystem& files, const std::filesystem::path& path, const std::string& name,
                      std::size_t most_buckets, double now);

}  // namespace trireme::launcher
