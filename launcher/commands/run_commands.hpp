// The subcommands of the helper: collective over all ranks of the MPI world. Each returns the exit code that rank 0
// carries; errors are thrown.
#pragma once

#include "base/signals.hpp"
#include "collectives/mpi/world.hpp"
#include "launcher/commands/commands.hpp"

namespace trireme::launcher {

/// Saves and ends at a stop signal, which `signals` must not act on.
int train_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments);
/// `signals` must end the process at a stop signal: what is written halfway is removed before.
int eval_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments);
/// Likewise.
int generate_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments);
/// Ctrl-C stops the answer that is being written, otherwise the process.
int chat_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments);
/// The compute side of `trireme doctor`.
int doctor_command(collectives::MpiWorld& world, base::SignalThread& signals, const Arguments& arguments);

}  // namespace trireme::launcher
