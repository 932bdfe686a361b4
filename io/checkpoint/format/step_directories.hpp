// Where a run's checkpoints lie: one directory per step, and the trash for those being deleted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// The committed steps under `<run_directory>/checkpoints`, oldest first; empty when there is no such directory. Throws
/// base::IoError when something else is in its place, for example a link to a file system that is not mounted.
std::vector<std::int64_t> committed_steps(base::FileSystem& files, const std::filesystem::path& run_directory);

/// "<run_directory>/checkpoints/step_<step>".
std::filesystem::path step_directory(const std::filesystem::path& run_directory, std::int64_t step);

/// Makes "<directory>/.trash" if it is missing. A link in its place is removed, since what is moved there gets deleted.
std::filesystem::path make_trash(base::FileSystem& files, const std::filesystem::path& directory);

}  // namespace trireme::checkpoint
