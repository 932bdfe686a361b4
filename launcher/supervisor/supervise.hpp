// One attempt of a [program] run: the program is started, watched, asked to stop, and what became of it written down.
#pragma once

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "base/signals.hpp"
#include "launcher/options/run_options.hpp"
#include "launcher/supervisor/launcher_words.hpp"

namespace trireme::launcher {

/// Runs the attempt and returns its exit code: 0, 1, 2 or 75, which is also in the run directory's outcome file. The
/// program is asked to stop by a stop signal of this process, by `trireme stop`, at run.pause_at, and before the job's
/// time limit. Throws base::InputError for a command or a placement that cannot be started, base::Error when the run
/// directory cannot be held or written, base::Stopped when a stop was asked for before the program began.
int supervise(base::FileSystem& files, base::SignalThread& signals, const options::RunOptions& options,
              const ProgramPlacement& placement, const base::Log& log);

/// Where the program runs when no batch script says it: on this machine, slurm.ranks_per_node processes (at least one).
/// Throws base::InputError for launcher = srun outside a Slurm job.
ProgramPlacement local_placement(const options::RunOptions& options);

}  // namespace trireme::launcher
