// How much a checkpoint takes, on the disk and in memory. Bytes.
#pragma once

#include <cstdint>

#include "base/host_limits.hpp"
#include "launcher/options/resolve.hpp"

namespace trireme::launcher {

inline constexpr double kGiB = 1 << 30;

/// Bytes of the tensors of one checkpoint: parameters and what the optimizer keeps.
std::uint64_t checkpoint_bytes(const options::Resolved& resolved);

/// This rank's share of the memory that snapshots may take on its node: checkpoint.host_memory, or a quarter of what
/// the job may use but no more than half of what is free now; 0 when saving is not asynchronous.
std::uint64_t snapshot_bytes(const options::CheckpointSection& checkpoint, const base::HostLimits& limits,
                             int ranks_on_node);

}  // namespace trireme::launcher
