// When the loss of a step is a spike (docs/health.md). Pure.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace trireme::launcher {

/// The losses of the newest steps that updated something, oldest first. Checkpoints hold it, so that a resumed run
/// judges as an uninterrupted one does.
using RecentLosses = std::vector<double>;

struct SpikeRule {
  /// Losses in the window.
  std::size_t window = 64;
  /// A loss is a spike from this robust z-score on.
  double score = 10.0;
  /// Fewer losses than these in the window: nothing is judged. At most `window`.
  std::size_t least() const { return window < 16 ? window : 16; }
};

/// The robust z-score of `loss` (Iglewicz and Hoaglin, "How to detect and handle outliers", 1993): its distance from
/// the window's median in units of 1.4826 times the window's median absolute deviation. A unit is at least 0.1% of the
/// median's size, so that a loss that hardly changes does not make every tremor a spike. `window` is not empty.
double robust_score(std::span<const double> window, double loss);

/// Only losses above the median are spikes. One that is not finite is none: train.on_nonfinite is for it.
bool is_spike(const SpikeRule& rule, std::span<const double> window, double loss);

/// Takes the loss of a step that updated something into the window.
void take_loss(const SpikeRule& rule, RecentLosses& window, double loss);

}  // namespace trireme::launcher
