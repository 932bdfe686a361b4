// A sweep's state as a report shows it: parameters, the best trials, what each rung cost. Pure.
#pragma once

#include <vector>

#include "base/json.hpp"
#include "launcher/sweep/sweep_state.hpp"

namespace trireme::launcher {

/// What a trial used, as its ledger tells; 0 where it has none.
struct TrialUse {
  double device_seconds = 0.0;
  bool gpus = false;
};

/// What the trials did between one rung and the next.
struct RungCost {
  std::int64_t from = 0, to = 0;  ///< steps
  std::size_t trials = 0;         ///< that did steps there, or used time for the first rung and did none
  std::size_t reached = 0;        ///< of these, are measured at `to`
  std::int64_t steps = 0;         ///< of all of them
  double device_seconds = 0.0;    ///< each trial's, shared out by its steps
};
/// `uses`: of each trial.
std::vector<RungCost> rung_costs(const SweepState& state, const std::vector<TrialUse>& uses);

/// {"name","metric","minimise","rungs","parameters":[…],"trials":[…],"best":[…],"rung_costs":[…],"full_steps"}. Texts
/// are printable. `uses`: of each trial.
base::Json sweep_json(const SweepState& state, const std::vector<TrialUse>& uses);

/// The trials in the order in which a report lists their runs: the best first, then the others that began, by number;
/// at most `most`.
std::vector<std::size_t> trials_to_show(const SweepState& state, std::size_t most);

}  // namespace trireme::launcher
