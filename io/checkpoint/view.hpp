// A checkpoint seen whole: an HDF5 file of virtual datasets that point into its shards.
#pragma once

#include <cstddef>
#include <filesystem>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

/// Writes `output` with one virtual dataset /<kind>/<tensor> for each logical tensor, in its own shape and type; reads
/// of elements whose shard is missing give NaN. The shards are named relative to the directory of `output` when there
/// is a relative path. Attributes of the root: `step`, `run_id`. Returns the number of tensors.
/// First verifies manifest, box table, the shards' lengths and their metadata, with `threads` threads: throws
/// DamagedCheckpoint. base::InputError when there is no such checkpoint or `output` is there already or would lie in
/// it; base::IoError when it cannot be written, and then none of it is left.
std::size_t write_view(base::FileSystem& files, const std::filesystem::path& step_directory,
                       const std::filesystem::path& output, int threads);

}  // namespace trireme::checkpoint
