// All that a report shows, as one JSON text, from the directories of runs or of a sweep.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::launcher {

/// A page with more trials of a sweep shows the best ones' curves and says so.
inline constexpr std::size_t kMostTrials = 200;

struct ReportData {
  std::string title;  ///< printable
  std::string json;
  std::size_t runs = 0;
  std::uint64_t lines = 0;            ///< of metrics.jsonl, of all runs
  std::vector<std::string> problems;  ///< what could not be read, a sentence each
};

/// Each path is a run directory, or one of them, alone, is a sweep's. Throws base::InputError naming the path that is
/// neither, and for a sweep beside others. Files that cannot be read become problems. `now`: seconds since the epoch.
ReportData read_report(base::FileSystem& files, const std::vector<std::filesystem::path>& paths, double now);

/// Returns how many buckets a curve has when a page shows so many runs: 1,500 for a few, fewer for many, at least 100.
std::size_t buckets_for(std::size_t runs);

}  // namespace trireme::launcher
