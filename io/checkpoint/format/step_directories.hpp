// Where a run's checkpoints lie: one directory a step, and the trash of those that go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// Committed steps under `<run_directory>/checkpoints`, oldest first; empty when there is no such directory.
/// Throws base::IoError when something else is in its place, a link to a file system that is not mounted for one.
std::vector<std::int64_t> committed_steps(base::FileSystem& files, const std::filesystem::path& run_directory);

/// "<run_directory>/checkpoints/step_<step>".
std::filesystem::path step_directory(const std::filesystem::path& run_directory, std::int64_t step);

/// "<directory>/.trash", made if it is missing. A link in its place is removed: what is moved there is deleted.
std::filesystem::path make_trash(base::FileSystem& files, const std::filesystem::path& directory);

}  // namespace trireme::checkpoint
