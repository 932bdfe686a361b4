// Presents a checkpoint as one HDF5 file of virtual datasets that point into its shards.
#pragma once

#include <cstddef>
#include <filesystem>

#include "base/file_system.hpp"
#include "base/output_file.hpp"

namespace trireme::checkpoint {

/// Writes `output`, or the file that a link of that name leads to, with one virtual dataset /<slot>/<tensor> for each
/// logical tensor, in its own shape and type. Elements whose shard is missing read as NaN. The shards are named
/// relative to the directory of `output` when there is a relative path. Attributes of the root: `step`, `run_id`.
/// Returns the number of tensors. First verifies manifest, box table, the shards' lengths and their metadata with
/// `threads` threads, then makes the check ShardCheck::kDeep: throws DamagedCheckpoint. Throws base::InputError when
/// there is no such checkpoint, when `output` would lie in it, or for the reasons of base::output_file(); base::IoError
/// when it cannot be written, and then leaves nothing of it.
std::size_t write_view(base::FileSystem& files, const std::filesystem::path& step_directory,
                       const std::filesystem::path& output, base::Overwrite overwrite, int threads);

}  // namespace trireme::checkpoint
