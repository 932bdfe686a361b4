// Two runs beside each other: options, versions, data and results.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"

namespace trireme::launcher {

struct RunDifference {
  std::string kind;  ///< "option", "program", "data", "machine", "result"
  std::string what;  ///< "optimizer.lr"
  std::string a, b;  ///< "" where a run has none
};

/// What differs between two runs, by the newest record of each and by its run.ini where it has none. Results (state,
/// steps, newest and lowest losses, speed) are listed also where they are equal. Throws base::InputError for what is no
/// run directory.
std::vector<RunDifference> diff_runs(base::FileSystem& files, const std::filesystem::path& a,
                                     const std::filesystem::path& b);

}  // namespace trireme::launcher
