// The runs of a team's tree, with what they are found by. An index in the user's cache spares reading what did not
// change; it is only a cache: without it, or when it is damaged, every run is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"

namespace trireme::launcher {

struct IndexedDataset {
  std::string name;         ///< as the run's options have it: "data.h5", "team:web-v2"
  std::string fingerprint;  ///< "" where no record has it
  std::string path;         ///< absolute; "" where it is not known
};

struct IndexedRun {
  std::string path;  ///< relative to the tree; "." for the tree itself
  std::optional<std::uint32_t> owner;
  std::string user = "?";  ///< the owner's name, "?" where it is not known; index_runs() sets it
  std::string state;       ///< as RunSummary has it, without the queue
  std::string note;
  bool finished = false;
  std::int64_t attempt = 0;
  std::int64_t step = 0;
  std::int64_t steps = 0;  ///< 0 = not known
  std::optional<double> loss;
  double when = 0;                       ///< of the newest sign of life, seconds since the epoch; 0 = none
  std::vector<IndexedDataset> datasets;  ///< of the newest record, of run.ini and of the last submission
  std::string options;                   ///< lines "section.key=value"

  /// The value of an option; nothing when the run's file does not have it.
  std::optional<std::string_view> option(std::string_view key) const;
};

struct RunIndex {
  std::filesystem::path tree;    ///< absolute
  std::vector<IndexedRun> runs;  ///< sorted by path
  std::vector<std::string> notes;
  std::size_t unreadable = 0;  ///< directories in which there may be further runs
  std::size_t read = 0;        ///< runs that were not taken from the cache
};

/// Looks through the tree as runs_below() does, whose errors it has, and reads the runs that changed since the cache
/// knew them. `cache`: a directory of this user alone, "" for none. Several processes may use it at once.
RunIndex index_runs(base::FileSystem& files, const std::filesystem::path& tree, const std::filesystem::path& cache);

/// The user's own cache of runs below base::cache_directory(), made when missing; "" where there can be none.
std::filesystem::path own_run_cache(base::FileSystem& files);

/// Reads one run without the cache.
IndexedRun read_indexed(base::FileSystem& files, const std::filesystem::path& run, double now);

}  // namespace trireme::launcher
