#include "launcher/report/step_times.hpp"

#include <algorithm>
#include <cmath>

namespace trireme::launcher {
namespace {

constexpr std::size_t kLeastOfWindow = 20;

StepTimes::Percentiles percentiles_of(std::vector<float> seconds) {
  return {percentile(seconds, 50), percentile(seconds, 90), percentile(seconds, 99)};
}

template <typename Value>
void keep_every_second(std::vector<Value>& values) {
  for (std::size_t i = 0; 2 * i < values.size(); ++i) values[i] = values[2 * i];
  values.resize((values.size() + 1) / 2);
}

}  // namespace

double percentile(std::vector<float>& values, double percent) {
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100.0 * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
  std::ranges::nth_element(values, at);
  return static_cast<double>(*at);
}

void StepTimes::add(std::int64_t step, double seconds) {
  while (!steps_.empty() && steps_.back() >= step) {
    steps_.pop_back();
    seconds_.pop_back();
  }
  if (!std::isfinite(seconds) || seen_++ % stride_ != 0) return;
  if (steps_.size() == kMost) {
    keep_every_second(steps_);
    keep_every_second(seconds_);
    stride_ *= 2;
  }
  steps_.push_back(step);
  seconds_.push_back(static_cast<float>(seconds));
}

StepTimes::Percentiles StepTimes::whole() const { return percentiles_of(seconds_); }

std::vector<StepTimes::Window> StepTimes::windows() const {
  std::vector<Window> windows;
  const std::size_t count = std::clamp<std::size_t>(seconds_.size() / kLeastOfWindow, 1, kWindows);
  for (std::size_t i = 0; i < count && !empty(); ++i) {
    const auto begin = static_cast<std::ptrdiff_t>(i * seconds_.size() / count);
    const auto end = static_cast<std::ptrdiff_t>((i + 1) * seconds_.size() / count);
    windows.push_back({steps_[static_cast<std::size_t>(end) - 1],
                       percentiles_of({seconds_.begin() + begin, seconds_.begin() + end})});
  }
  return windows;
}

}  // namespace trireme::launcher
