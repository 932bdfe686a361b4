#include "launcher/health/straggler_rule.hpp"

#include <algorithm>
#include <utility>

namespace trireme::launcher {

StragglerRule::StragglerRule(double factor, double seconds, std::vector<int> work_of)
    : factor_(factor), seconds_(seconds), work_of_(std::move(work_of)), states_(work_of_.size()) {}

double StragglerRule::ratio(std::span<const double> compute_seconds, std::size_t rank) const {
  std::vector<double> peers;
  for (std::size_t other = 0; other < work_of_.size(); ++other) {
    if (other != rank && work_of_[other] == work_of_[rank]) peers.push_back(compute_seconds[other]);
  }
  if (peers.empty()) return 0.0;
  const auto middle = peers.begin() + static_cast<std::ptrdiff_t>(peers.size() / 2);
  std::ranges::nth_element(peers, middle);
  return *middle > 0 ? compute_seconds[rank] / *middle : 0.0;
}

std::optional<Straggler> StragglerRule::look(std::span<const double> compute_seconds, double now) {
  std::optional<Straggler> slowest;
  for (std::size_t rank = 0; rank < states_.size(); ++rank) {
    State& state = states_[rank];
    const double times = ratio(compute_seconds, rank);
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
