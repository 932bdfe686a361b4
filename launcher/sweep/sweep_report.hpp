// What people read about a sweep: tables and sentences from its state. Pure, but for what read_live() reads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "launcher/sweep/sweep_state.hpp"

namespace trireme::launcher {

/// "new", "running", "paused", "waiting" (it lost its worker and goes on later), "done", "diverged", "failed",
/// "stopped".
std::string trial_state(const SweepState& state, std::size_t trial);

/// The steps that running trials have logged, by trial: more than the sweep's log knows.
using LiveSteps = std::map<std::size_t, std::int64_t>;
LiveSteps read_live(base::FileSystem& files, const std::filesystem::path& directory, const SweepState& state);

/// One row for each trial: number, parameters, state, step, metric, note.
std::string trials_table(const SweepState& state, const LiveSteps& live);
base::Json trials_json(const SweepState& state, const LiveSteps& live);

/// The trials with a result, the best first: those of a higher rung stand before those of a lower one. Diverged, failed
/// and stopped ones are left out.
std::vector<std::size_t> best_trials(const SweepState& state);
std::string best_table(const SweepState& state, std::size_t most);

/// Points that differ in run.seed only, as one.
struct SeedGroup {
  std::vector<std::pair<std::string, std::string>> parameters;  ///< without run.seed
  std::vector<std::size_t> trials;                              ///< that are measured at `rung`
  std::size_t ended = 0;                                        ///< more seeds: diverged, failed or stopped
  std::size_t rung = 0;                                         ///< the highest that all of them reached
  double mean = 0, low = 0, high = 0;
};
/// Groups of which no seed diverged, failed or was stopped stand first, then the best mean; empty when seeds are not
/// varied.
std::vector<SeedGroup> seed_groups(const SweepState& state);
std::string seeds_table(const SweepState& state);

/// "lr: 3 of 12 trials done, 2 running, 7 paused".
std::string progress_text(const SweepState& state);

/// "12 ideas for 31% of the full price: 744 of 2,400 steps".
std::string price_paid_text(const SweepState& state);
std::int64_t steps_done(const SweepState& state);

/// What a step costs, as far as it is known.
struct KnownPace {
  double seconds_per_step = 0;  ///< 0: not known
  std::int64_t ranks = 1;
  bool gpus = false;
  std::string of;                          ///< the run that had it
  std::optional<double> billing_per_hour;  ///< of a trial; nothing without a site
};
/// Lines for before a sweep starts: trials, rungs, steps, device hours, billing units.
std::string plan_text(const SweepHeader& header, const KnownPace& pace);

/// "trial 3 goes on after step 27 up to step 81": for a trial that is claimed.
std::string start_text(const SweepState& state, std::size_t trial);
/// "trial 3 at step 27: valid_loss 4.1021": for a trial that came back, even if it is claimed again.
std::string end_text(const SweepState& state, std::size_t trial);

}  // namespace trireme::launcher
