// What sweep_numbers_test.py compares with other programs' numbers.
//   sweep_numbers sobol POINTS DIMENSIONS   prints Sobol's points, one a line
//   sweep_numbers asha < SIMULATIONS        one JSON object a line in, one out: sweeps on workers that take their time
#include <cstdlib>
#include <iostream>
#include <limits>
#include <string>

#include "base/json.hpp"
#include "launcher/sweep/asha.hpp"
#include "launcher/sweep/draws.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

/// "metrics": of each trial at each rung; "seconds": of a step of each trial.
Json simulate(const Json& input) {
  AshaPlan plan{input.at("rungs").get<std::vector<std::int64_t>>(), input.at("reduction").get<std::int64_t>(), true};
  const auto metrics = input.at("metrics").get<std::vector<std::vector<double>>>();
  const auto seconds = input.at("seconds").get<std::vector<double>>();
  struct Busy {
    double until = std::numeric_limits<double>::infinity();
    AshaDecision work;
  };
  std::vector<Busy> workers(input.at("workers").get<std::size_t>());
  std::vector<AshaTrial> trials(metrics.size());
  std::int64_t steps = 0;
  double now = 0;
  while (true) {
    for (Busy& worker : workers) {
      if (worker.until != std::numeric_limits<double>::infinity()) continue;
      const AshaDecision next = decide(plan, trials);
      if (next.kind != AshaDecision::Kind::kRun) break;
      AshaTrial& trial = trials[next.trial];
      trial.claimed = trial.started = true;
      const std::int64_t more = plan.rungs[next.rung] - (next.rung > 0 ? plan.rungs[next.rung - 1] : 0);
      steps += more;
      worker = {now + static_cast<double>(more) * seconds[next.trial], next};
    }
    Busy* first = &workers[0];
    for (Busy& worker : workers) {
      if (worker.until < first->until) first = &worker;
    }
    if (first->until == std::numeric_limits<double>::infinity()) break;
    now = first->until;
    trials[first->work.trial].claimed = false;
    trials[first->work.trial].metrics.push_back(metrics[first->work.trial][first->work.rung]);
    *first = {};
  }
  double best = std::numeric_limits<double>::infinity();
  for (const AshaTrial& trial : trials) {
    if (trial.metrics.size() == plan.rungs.size()) best = std::min(best, trial.metrics.back());
  }
  return {{"best", best}, {"steps", steps}};
}

int run(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  if (what == "sobol" && count == 4) {
    for (std::uint64_t i = 0; i < std::strtoull(words[2], nullptr, 10); ++i) {
      for (const double place : sobol_point(i, std::strtoull(words[3], nullptr, 10))) {
        std::cout << base::format_double(place) << " ";
      }
      std::cout << "\n";
    }
    return 0;
  }
  if (what != "asha") return 2;
  for (std::string line; std::getline(std::cin, line);) std::cout << base::to_line(simulate(Json::parse(line))) << "\n";
  return 0;
}

}  // namespace
}  // namespace trireme::launcher

int main(int count, char** words) { return trireme::launcher::run(count, words); }
