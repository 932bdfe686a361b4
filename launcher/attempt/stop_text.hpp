// What a person at a terminal is told about stopping a training.
#pragma once

#include <string>

#include "base/log.hpp"
#include "base/signals.hpp"
#include "collectives/mpi/world.hpp"

namespace trireme::launcher {

/// On rank 0, at the start of a training, when standard output is a terminal. Under mpirun: says that Ctrl-C may lose
/// steps, and how to stop without. Alone: `signals` says at the first signal what happens now.
void tell_how_to_stop(const collectives::MpiWorld& world, base::SignalThread& signals, const std::string& run_directory,
                      const base::Log& log);

}  // namespace trireme::launcher
