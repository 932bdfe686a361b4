// What a person reads of an attempt as a whole: its length, the time it will take and has, how it ended.
#pragma once

#include <cstdint>
#include <string>

#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

/// The length of a whole run with `samples` in its training data: "200 steps, 819k tokens, 0.715 epochs of data.train".
std::string length_text(std::int64_t steps, std::int64_t global_batch, std::int64_t sequence, std::uint64_t samples);

/// The time that the rest of the run will take: "about 6m 20s for the 190 steps left, at 2.0 s a step".
std::string expected_text(std::int64_t steps_left, double seconds_per_step);

/// "1h 02m left in the job; a save is expected to take 12.0 s (as in the last attempt)". `estimated`: no attempt
/// measured a save.
std::string time_left_text(double seconds_left, double save_seconds, bool estimated);

/// "the job's time limit was changed: 10m 00s left"; infinity: without a limit.
std::string limit_changed_text(double seconds_left);

/// The last line of an attempt that began at `first_step` of a run of `steps`:
/// "done: 200 of 200 steps; newest checkpoint: runs/bible/checkpoints/step_200".
std::string ending_text(const slurm::Outcome& outcome, std::int64_t first_step, std::int64_t steps,
                        const std::string& run_directory);

}  // namespace trireme::launcher
