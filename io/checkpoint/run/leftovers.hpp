// Cleans up what killed attempts left in a run directory.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// Call it on one rank, while holding the lease, before restore_newest(). Deletes what earlier attempts left behind
/// under checkpoints/ and gradients/ (unfinished saves, trash, temporary files), and restores a checkpoint whose
/// replacement was never finished. Returns one line for each; an entry that cannot be deleted is reported there and
/// stays.
std::vector<std::string> collect_leftovers(base::FileSystem& files, const std::filesystem::path& run_directory);

}  // namespace trireme::checkpoint
