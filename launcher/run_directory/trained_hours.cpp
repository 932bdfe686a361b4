#include "launcher/run_directory/trained_hours.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trireme::launcher {

std::vector<double> start_times(const std::vector<slurm::Attempt>& attempts) {
  std::vector<double> starts;
  for (const slurm::Attempt& attempt : attempts) starts.push_back(attempt.start.time);
  std::ranges::sort(starts);
  return starts;
}

double trained_seconds(std::optional<double> before, double time, const std::vector<double>& starts) {
  double since = before.value_or(time);
  const auto after = std::ranges::upper_bound(starts, time);
  if (after != starts.begin()) since = before ? std::max(since, *(after - 1)) : *(after - 1);
  return std::max(0.0, time - since);
}

std::vector<double> trained_hours(const MetricsSeries& series, const std::vector<double>& starts) {
  struct Position {
    std::int64_t step = 0;
    double seconds = 0.0, time = 0.0;
  };
  std::vector<double> hours;
  std::vector<Position> positions;  // steps ascend
  for (std::size_t row = 0; row < series.steps.size(); ++row) {
    const std::int64_t step = series.steps[row];
    const double time = series.times[row];
    if (!(time >= kFirstTime)) {
      hours.push_back(std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    if (positions.empty() || positions.back().step != step) {
      while (!positions.empty() && positions.back().step >= step) positions.pop_back();
      Position now{step, 0.0, time};
      if (!positions.empty()) now.seconds = positions.back().seconds;
      const auto before = positions.empty() ? std::nullopt : std::optional(positions.back().time);
      now.seconds += trained_seconds(before, time, starts);
      positions.push_back(now);
    }
    hours.push_back(positions.back().seconds / 3600.0);
  }
  return hours;
}

}  // namespace trireme::launcher
