// Whether this attempt will be able to save, asked before its first step.
#pragma once

#include <cstdint>

#include "base/file_system.hpp"
#include "base/host_limits.hpp"
#include "launcher/checkpointing/fast_tier.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// Collective, while rank 0 holds the lease. Room for the run's checkpoints and those of the fast tier (which may be
/// null), memory for snapshots, and a checkpoint of a few bytes that is committed and read back. base::InputError with
/// what to change, on all ranks alike; base::Error when the file system refuses.
void preflight(Session& session, base::FileSystem& files, const RunInput& input, FastTier* fast);

/// Of the tensors of one checkpoint: parameters and the optimizer's two moments.
std::uint64_t checkpoint_bytes(const options::Resolved& resolved);

/// This rank's share of the memory that snapshots may take on its node: checkpoint.host_memory, or a quarter of what
/// the job may use but no more than half of what is free now; 0 when saving is not asynchronous.
std::uint64_t snapshot_bytes(const options::CheckpointSection& checkpoint, const base::HostLimits& limits,
                             int ranks_on_node);

}  // namespace trireme::launcher
