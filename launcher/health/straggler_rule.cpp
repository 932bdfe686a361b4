#include "launcher/health/straggler_rule.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace trireme::launcher {

StragglerRule::StragglerRule(double factor, double seconds, std::vector<int> work_of)
    : factor_(factor), seconds_(seconds), work_of_(std::move(work_of)), states_(work_of_.size()) {}

std::vector<double> StragglerRule::ratios(std::span<const double> compute_seconds) const {
  std::map<int, std::vector<double>> sorted;  // by kind of work
  for (std::size_t rank = 0; rank < work_of_.size(); ++rank) sorted[work_of_[rank]].push_back(compute_seconds[rank]);
  for (auto& [work, times] : sorted) std::ranges::sort(times);
  std::vector<double> result(work_of_.size(), 0.0);
  for (std::size_t rank = 0; rank < work_of_.size(); ++rank) {
    const std::vector<double>& times = sorted.at(work_of_[rank]);
    const std::size_t others = times.size() - 1;
    if (others == 0) continue;
    // The upper one in the middle of the others: those behind this rank's own place moved up by one.
    const auto own = static_cast<std::size_t>(std::ranges::lower_bound(times, compute_seconds[rank]) - times.begin());
    const double median = times[others / 2 + (others / 2 >= own ? 1 : 0)];
    if (median > 0) result[rank] = compute_seconds[rank] / median;
  }
  return result;
}

std::optional<Straggler> StragglerRule::look(std::span<const double> compute_seconds, double now) {
  std::optional<Straggler> slowest;
  const std::vector<double> all = ratios(compute_seconds);
  for (std::size_t rank = 0; rank < states_.size(); ++rank) {
    State& state = states_[rank];
    const double times = all[rank];
    if (times < factor_) {
      state = {};
      continue;
    }
    if (!state.since) state.since = now;
    const double slow_for = now - *state.since;
    if (state.named || slow_for < seconds_) continue;
    if (!slowest || times > slowest->times_as_long) slowest = Straggler{static_cast<int>(rank), times, slow_for};
  }
  if (slowest) states_[static_cast<std::size_t>(slowest->rank)].named = true;
  return slowest;
}

}  // namespace trireme::launcher
