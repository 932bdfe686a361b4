// Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/tools/finding.hpp"

namespace trireme::checkpoint {

/// What `check` finds wrong in shard number `file` as libhdf5 sees it; nothing for kBytes. The shard's metadata must be
/// verified. Excludes other users of libhdf5 meanwhile.
std::vector<Finding> compare_with_hdf5(const OpenedCheckpoint& opened, std::uint32_t file, ShardCheck check);

}  // namespace trireme::checkpoint
