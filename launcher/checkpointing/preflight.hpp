// checkpoint.preflight: whether this attempt will be able to save, asked before its first step. The word means the
// whole of it; its parts are named for what they look at (io/checkpoint/run/{space, trial_save}).
#pragma once

#include "base/file_system.hpp"
#include "launcher/checkpointing/fast_tier.hpp"
#include "launcher/session/run_input.hpp"
#include "launcher/session/session.hpp"

namespace trireme::launcher {

/// Collective, while rank 0 holds the lease. Room for the run's checkpoints and those of the fast tier (which may be
/// null), memory for snapshots, and a checkpoint of a few bytes that is committed and read back. base::InputError with
/// what to change, on all ranks alike; base::Error when the file system refuses.
void preflight(Session& session, base::FileSystem& files, const RunInput& input, FastTier* fast);

}  // namespace trireme::launcher
