#include "launcher/sweep/asha.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

namespace trireme::launcher {
namespace {

using Kind = AshaDecision::Kind;

using Test = bool (*)(const AshaTrial& trial);

bool waits_here(const AshaTrial& trial) { return !trial.out && !trial.claimed && !trial.elsewhere; }
bool waits_elsewhere(const AshaTrial& trial) { return !trial.out && !trial.claimed && trial.elsewhere; }

std::optional<AshaDecision> interrupted(const std::vector<AshaTrial>& trials, Test can_be_taken) {
  std::optional<AshaDecision> found;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!can_be_taken(trials[i]) || !trials[i].interrupted) continue;
    if (!found || trials[i].metrics.size() > found->rung) found = {Kind::kRun, i, trials[i].metrics.size()};
  }
  return found;
}

std::optional<AshaDecision> promotion(const AshaPlan& plan, const std::vector<AshaTrial>& trials, Test can_be_taken) {
  for (std::size_t next = plan.rungs.size() - 1; next > 0; --next) {
    const auto ranked = ranking(plan, trials, next - 1, false);
    const std::size_t best = ranked.size() / static_cast<std::size_t>(plan.reduction);
    for (std::size_t i = 0; i < best; ++i) {
      const AshaTrial& trial = trials[ranked[i]];
      if (can_be_taken(trial) && !trial.interrupted && trial.metrics.size() == next) {
        return AshaDecision{Kind::kRun, ranked[i], next};
      }
    }
  }
  return std::nullopt;
}

std::optional<AshaDecision> next(const AshaPlan& plan, const std::vector<AshaTrial>& trials, Test can_be_taken) {
  if (const auto found = interrupted(trials, can_be_taken)) return found;
  if (const auto found = promotion(plan, trials, can_be_taken)) return found;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (!trials[i].started && can_be_taken(trials[i])) return AshaDecision{Kind::kRun, i, 0};
  }
  return std::nullopt;
}

// The best trial of the highest rung, when none has come to the last one.
std::optional<AshaDecision> last_promotion(const AshaPlan& plan, const std::vector<AshaTrial>& trials) {
  for (std::size_t rung = plan.rungs.size(); rung-- > 0;) {
    const auto ranked = ranking(plan, trials, rung, true);
    if (ranked.empty()) continue;
    if (rung + 1 == plan.rungs.size()) return std::nullopt;
    return AshaDecision{Kind::kRun, ranked.front(), rung + 1};
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::int64_t> rungs_of(std::int64_t min_steps, std::int64_t reduction, std::int64_t steps) {
  std::vector<std::int64_t> rungs;
  for (std::int64_t rung = min_steps; rung < steps; rung *= reduction) {
    rungs.push_back(rung);
    if (rung > steps / reduction) break;  // the next one would be past the end, or past 64 bits
  }
  rungs.push_back(steps);
  return rungs;
}

std::vector<std::size_t> ranking(const AshaPlan& plan, const std::vector<AshaTrial>& trials, std::size_t rung,
                                 bool alive_only) {
  std::vector<std::size_t> ranked;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].metrics.size() > rung && !(alive_only && trials[i].out)) ranked.push_back(i);
  }
  std::ranges::stable_sort(ranked, [&](std::size_t a, std::size_t b) {
    const double left = trials[a].metrics[rung], right = trials[b].metrics[rung];
    return plan.minimise ? left < right : left > right;
  });
  return ranked;
}

AshaDecision decide(const AshaPlan& plan, const std::vector<AshaTrial>& trials) {
  if (const auto found = next(plan, trials, waits_here)) return *found;
  const AshaDecision wait{Kind::kWait, 0, 0};
  if (std::ranges::any_of(trials, &AshaTrial::claimed) || next(plan, trials, waits_elsewhere)) return wait;
  const auto last = last_promotion(plan, trials);
  if (last && trials[last->trial].elsewhere) return wait;
  return last.value_or(AshaDecision{Kind::kDone, 0, 0});
}

std::int64_t expected_steps(const AshaPlan& plan, std::int64_t trials) {
  std::int64_t steps = 0, before = 0, left = trials;
  for (const std::int64_t rung : plan.rungs) {
    steps += std::max<std::int64_t>(left, trials > 0 ? 1 : 0) * (rung - before);
    before = rung;
    left /= plan.reduction;
  }
  return steps;
}

}  // namespace trireme::launcher
