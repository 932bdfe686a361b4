// Reads a whole checkpoint back without MPI and compares every byte with its checksum, on all cores.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/manifest.hpp"
#include "io/checkpoint/tools/finding.hpp"

namespace trireme::checkpoint {

struct VerifyResult {
  /// Empty = every byte is what was written. Otherwise ordered by subject, files before tensors.
  std::vector<Finding> findings;
  Manifest manifest;  ///< meaningful unless MANIFEST.json is among the findings
  std::uint64_t boxes = 0;
  std::uint64_t bytes = 0;  ///< bytes that were read
  double seconds = 0;
  bool stopped = false;  ///< `progress` stopped it before everything was read
};

/// Called occasionally, by any of the reading threads, with the bytes read so far; returning false stops the reading.
using ReadProgress = std::function<bool(std::uint64_t bytes)>;

/// Reads the whole checkpoint with `threads` threads and returns the damage. Throws base::InputError when there is no
/// such directory, base::IoError as open_checkpoint() does.
VerifyResult verify(
    base::FileSystem& files, const std::filesystem::path& step_directory, ShardCheck check, int threads,
    const ReadProgress& progress = [](std::uint64_t) { return true; });

}  // namespace trireme::checkpoint
