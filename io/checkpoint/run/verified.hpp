// Which checkpoints of a run were read back, and what that found: the file VERIFIED.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace trireme::checkpoint {

/// What reading a checkpoint back found.
enum class ReadBack { kGood, kDamaged };
/// Appends it to VERIFIED beside the step directory, for the checkpoint with this manifest checksum.
void append_verified(base::FileSystem& files, const std::filesystem::path& step_directory, const Manifest& manifest,
                     ReadBack found = ReadBack::kGood);
/// Steps whose checkpoint is still the one of their last line there, which must be a good one. Torn or foreign lines
/// are skipped.
std::vector<std::int64_t> verified_steps(base::FileSystem& files, const std::filesystem::path& run_directory);

}  // namespace trireme::checkpoint
