// Percentiles of the time that steps took, in windows of steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "launcher/report/curve.hpp"

namespace trireme::launcher {

/// Nearest rank: the smallest of `values` that at least `percent` % of them do not exceed. Changes their order; there
/// is at least one.
double percentile(std::vector<float>& values, double percent);

/// Seconds of steps, at most kMost of them: of a longer run every second, fourth, … step.
class StepTimes {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 24;
  static constexpr std::size_t kWindows = 200;

  void add(std::int64_t step, double seconds);

  struct Percentiles {
    double p50 = 0, p90 = 0, p99 = 0;
  };
  bool empty() const { return steps_.empty(); }
  /// Returns the percentiles of all steps; there is at least one.
  Percentiles whole() const;

  struct Window {
    std::int64_t step = 0;  ///< its last one
    Percentiles seconds;
  };
  /// At most kWindows windows of equally many steps, at least 20 each where there are as many.
  std::vector<Window> windows() const;

 private:
  std::vector<std::int64_t> steps_;
  std::vector<float> seconds_;
  std::uint64_t stride_ = 1, seen_ = 0;
};

}  // namespace trireme::launcher
