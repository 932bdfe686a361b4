// Compares a shard, as libhdf5 sees it, with the box table. Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/tools/finding.hpp"

namespace trireme::checkpoint {

/// Returns what `check` finds wrong in shard number `file` as libhdf5 sees it; nothing for kBytes. The shard's metadata
/// must have been verified. Excludes other users of libhdf5 during the call.
std::vector<Finding> compare_with_hdf5(const OpenedCheckpoint& opened, std::uint32_t file, ShardCheck check);

}  // namespace trireme::checkpoint
