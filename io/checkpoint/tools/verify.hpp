// Reading a checkpoint back whole, without MPI: every byte against its checksum, on all cores.
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
  /// Empty = every byte is what was written; else ordered by subject, files before tensors.
  std::vector<Finding> findings;
  Manifest manifest;  ///< meaningful unless MANIFEST.json is among the findings
  std::uint64_t boxes = 0;
  std::uint64_t bytes = 0;  ///< that were read
  double seconds = 0;
  bool stopped = false;  ///< not all was read
};

/// Hears how many bytes were read so far, now and then and from any of the reading threads; false = stop.
using ReadProgress = std::function<bool(std::uint64_t bytes)>;

/// Reads all of it with `threads` threads.
/// Damage is returned; base::InputError when there is no such directory; base::IoError as open_checkpoint().
VerifyResult verify(
    base::FileSystem& files, const std::filesystem::path& step_directory, ShardCheck check, int threads,
    const ReadProgress& progress = [](std::uint64_t) { return true; });

}  // namespace trireme::checkpoint
