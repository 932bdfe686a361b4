#include "launcher/report/sweep_json.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "base/printable.hpp"
#include "launcher/sweep/sweep_report.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

Json parameter_names(const SweepState& state) {
  Json names = Json::array();
  std::set<std::string> seen;
  for (const TrialRecord& trial : state.trials) {
    for (const auto& entry : trial.parameters) {
      if (seen.insert(entry.first).second) names.push_back(base::printable(entry.first));
    }
  }
  return names;
}

Json trial_json(const SweepState& state, std::size_t number, const TrialUse& use) {
  const TrialRecord& trial = state.trials[number];
  Json parameters = Json::object(), results = Json::array();
  for (const auto& [name, value] : trial.parameters) parameters[base::printable(name)] = base::printable(value);
  for (const RungResult& result : trial.results) results.push_back({result.step, result.metric});
  return {{"trial", number},
          {"parameters", parameters},
          {"state", trial_state(state, number)},
          {"step", trial.steps_done},
          {"results", results},
          {"note", base::printable(trial.why)},
          {"device_seconds", use.device_seconds}};
}

}  // namespace

std::vector<RungCost> rung_costs(const SweepState& state, const std::vector<TrialUse>& uses) {
  std::vector<RungCost> costs;
  std::int64_t from = 0;
  for (const std::int64_t to : state.header.plan.rungs) {
    RungCost cost{.from = from, .to = to};
    for (std::size_t i = 0; i < state.trials.size(); ++i) {
      const TrialRecord& trial = state.trials[i];
      const std::int64_t done = std::clamp<std::int64_t>(trial.steps_done, 0, state.header.plan.rungs.back());
      const std::int64_t steps = std::clamp(done, from, to) - from;
      const double used = uses.at(i).device_seconds;
      const bool failed_at_once = done == 0 && from == 0 && used > 0;  // it used its time on the way into this rung
      if (steps <= 0 && !failed_at_once) continue;
      ++cost.trials;
      cost.reached += trial.results.size() > costs.size() ? 1 : 0;
      cost.steps += steps;
      cost.device_seconds += failed_at_once ? used : used * static_cast<double>(steps) / static_cast<double>(done);
    }
    costs.push_back(cost);
    from = to;
  }
  return costs;
}

std::vector<std::size_t> trials_to_show(const SweepState& state, std::size_t most) {
  std::vector<std::size_t> trials = best_trials(state);
  for (std::size_t i = 0; i < state.trials.size(); ++i) {
    const bool begun = state.trials[i].started || !state.trials[i].results.empty();
    if (begun && std::ranges::find(trials, i) == trials.end()) trials.push_back(i);
  }
  trials.resize(std::min(trials.size(), most));
  return trials;
}

Json sweep_json(const SweepState& state, const std::vector<TrialUse>& uses) {
  Json trials = Json::array(), costs = Json::array();
  for (std::size_t i = 0; i < state.trials.size(); ++i) trials.push_back(trial_json(state, i, uses.at(i)));
  for (const RungCost& cost : rung_costs(state, uses)) {
    costs.push_back({{"from", cost.from},
                     {"to", cost.to},
                     {"trials", cost.trials},
                     {"reached", cost.reached},
                     {"steps", cost.steps},
                     {"device_seconds", cost.device_seconds}});
  }
  std::vector<std::size_t> best = best_trials(state);
  best.resize(std::min<std::size_t>(best.size(), 10));
  return {{"name", base::printable(state.header.name)},
          {"metric", base::printable(state.header.metric)},
          {"minimise", state.header.plan.minimise},
          {"rungs", state.header.plan.rungs},
          {"parameters", parameter_names(state)},
          {"trials", trials},
          {"best", best},
          {"rung_costs", costs},
          {"gpus", std::ranges::any_of(uses, [](const TrialUse& use) { return use.gpus; })},
          {"steps", steps_done(state)},
          {"full_steps", state.header.steps() * static_cast<std::int64_t>(state.trials.size())}};
}

}  // namespace trireme::launcher
