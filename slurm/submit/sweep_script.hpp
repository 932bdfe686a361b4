// The parts of a batch script that make its job array work for a sweep: each task is a worker that asks trireme for a
// trial, brings it forward as any run, says how that ended, and asks again.
#pragma once

#include <string>

#include "slurm/submit/batch_script.hpp"

namespace trireme::slurm {

/// Words for `trireme train` and `trireme job start`: where the trial pauses, 0 for nowhere.
inline constexpr const char* kPauseWord = " --run.pause_at=\"$pause_at\"";
/// Words for `trireme job next`: the attempts that the trial had before this worker took it do not count.
inline constexpr const char* kBeforeWord = " --before \"$before\"";
/// A word of the loop that watches an attempt: what runs when somebody asks the sweep to stop saves and ends.
inline constexpr const char* kStopLook = "look_for_stop; ";

/// The variables that the other parts use.
std::string sweep_assignments(const ScriptSweep& sweep);

/// The loop over trials around `attempts`, the loop over one run's attempts. It leaves in $next what to do at the end.
std::string sweep_loop(const ScriptPlan& plan, const std::string& attempts);

/// What a task does that has no work now but may get some: it waits in the queue, held, until another one releases it.
std::string sweep_parking();

}  // namespace trireme::slurm
