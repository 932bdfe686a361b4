// Private to io/checkpoint.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "io/checkpoint/open_checkpoint.hpp"
#include "io/checkpoint/verify.hpp"

namespace trireme::checkpoint {

/// Compares what libhdf5 sees in shard number `file` with the box table. The shard's metadata must be verified.
std::vector<Finding> compare_with_hdf5(const OpenedCheckpoint& opened, std::uint32_t file);

}  // namespace trireme::checkpoint
