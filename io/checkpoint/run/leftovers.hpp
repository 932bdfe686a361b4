// What attempts that were killed left in a run directory.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// On one rank, while holding the lease, before restore_newest(): deletes what earlier attempts left behind under
/// checkpoints/ and gradients/ (unfinished saves, trash, temporary files), but puts a checkpoint back whose
/// replacement did not come. Returns one line for each; what cannot be deleted is said there and left.
std::vector<std::string> collect_leftovers(base::FileSystem& files, const std::filesystem::path& run_directory);

}  // namespace trireme::checkpoint
