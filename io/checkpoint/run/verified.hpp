// The file VERIFIED: which checkpoints of a run were read back, and with which result.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/manifest.hpp"

namespace trireme::checkpoint {

/// The result of reading a checkpoint back.
enum class ReadBack { kGood, kDamaged };
/// Appends the result to VERIFIED beside the step directory, for the checkpoint with this manifest's checksum.
void append_verified(base::FileSystem& files, const std::filesystem::path& step_directory, const Manifest& manifest,
                     ReadBack found = ReadBack::kGood);
/// The steps whose last line in VERIFIED is a good one and names the manifest that is still there. Torn or foreign
/// lines are skipped.
std::vector<std::int64_t> verified_steps(base::FileSystem& files, const std::filesystem::path& run_directory);

}  // namespace trireme::checkpoint
