#include "launcher/health/spike_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trireme::launcher {
namespace {

// The mean of the two in the middle when their number is even.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 != 0) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

}  // namespace

double robust_score(std::span<const double> window, double loss) {
  constexpr double kNormal = 1.4826;     // makes it a standard deviation where the losses are normally distributed
  constexpr double kLeastShare = 0.001;  // of the median
  const double middle = median({window.begin(), window.end()});
  std::vector<double> distances;
  distances.reserve(window.size());
  for (const double value : window) distances.push_back(std::abs(value - middle));
  const double unit = std::max(
      {kNormal * median(std::move(distances)), kLeastShare * std::abs(middle), std::numeric_limits<double>::min()});
  return (loss - middle) / unit;
}

bool is_spike(const SpikeRule& rule, std::span<const double> window, double loss) {
  if (!std::isfinite(loss) || window.size() < rule.least()) return false;
  return robust_score(window, loss) >= rule.score;
}

void take_loss(const SpikeRule& rule, RecentLosses& window, double loss) {
  window.push_back(loss);
  if (window.size() > rule.window)
    window.erase(window.begin(), window.end() - static_cast<std::ptrdiff_t>(rule.window));
}

}  // namespace trireme::launcher
