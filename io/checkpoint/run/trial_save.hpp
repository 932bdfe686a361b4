// A checkpoint of a few bytes that shows whether a run directory can be saved to.
#pragma once

#include <filesystem>
#include <string>

#include "base/file_system.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

/// The directory of the trial, beside the run's own checkpoints.
inline constexpr const char* kTrialSaveName = ".preflight";

/// Collective. Every node writes a file into a checkpoint under `<run_directory>/.preflight`, which is committed, read
/// back and removed. "" on success, else who failed and why, the same on all ranks.
std::string try_to_save(Coordinator& coordinator, base::FileSystem& files, const std::filesystem::path& run_directory);

}  // namespace trireme::checkpoint
