#include "launcher/console/attempt_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.hpp"
#include "io/checkpoint/format/step_directories.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {

std::string length_text(std::int64_t steps, std::int64_t global_batch, std::int64_t sequence, std::uint64_t samples) {
  const double consumed = static_cast<double>(steps) * static_cast<double>(global_batch);
  char epochs[32];
  std::snprintf(epochs, sizeof epochs, "%.3g", consumed / static_cast<double>(samples));
  return base::str(steps, steps == 1 ? " step, " : " steps, ", format_count(consumed * static_cast<double>(sequence)),
                   " tokens, ", epochs, " epochs of data.train");
}

std::string expected_text(std::int64_t steps_left, double seconds_per_step) {
  return base::str("about ", format_duration(seconds_per_step * static_cast<double>(steps_left)), " for the ",
                   steps_left, " steps left, at ", format_duration(seconds_per_step), " a step");
}

std::string time_left_text(double seconds_left, double save_seconds, bool estimated) {
  return base::str(format_duration(std::max(0.0, seconds_left)), " left in the job; a save is expected to take ",
                   format_duration(save_seconds),
                   estimated ? " (an estimate until the first one)" : " (as in the last attempt)");
}

std::string limit_changed_text(double seconds_left) {
  return "the job's time limit was changed: " +
         (std::isinf(seconds_left) ? "it has none now" : format_duration(std::max(0.0, seconds_left)) + " left");
}

std::string ending_text(const slurm::Outcome& outcome, std::int64_t first_step, std::int64_t steps,
                        const std::string& run_directory) {
  std::string text = outcome.reason + ": ";
  if (outcome.step > steps) {
    text += base::str("the run is at step ", outcome.step, ", past the ", steps, " steps that were asked for");
  } else if (outcome.step == steps && first_step == steps) {
    text += base::str("all ", steps, " steps were done before; raise train.steps to go on");
  } else {
    text += base::str(outcome.step, " of ", steps, " steps");
  }
  return base::str(
      text, "; newest checkpoint: ",
      outcome.saved_step == 0 ? "none" : checkpoint::step_directory(run_directory, outcome.saved_step).string());
}

}  // namespace trireme::launcher
