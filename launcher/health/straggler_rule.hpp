// Which rank computes slower than the others that do the same work (docs/health.md). Pure.
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace trireme::launcher {

struct Straggler {
  int rank = 0;
  double times_as_long = 1.0;  ///< its compute time over the median of the others' that do the same work
  double for_seconds = 0.0;    ///< so long already
};

/// Follows the compute times of all ranks.
class StragglerRule {
 public:
  /// A rank is named when it takes `factor` times as long as its peers, or longer, at every look for `seconds`.
  /// `work_of[r]`: ranks with the same number do the same work (those of one pipeline stage). A rank that is alone with
  /// its work has no peers and is not judged.
  StragglerRule(double factor, double seconds, std::vector<int> work_of);

  /// The compute times of all ranks since the look before, and `now`, any clock in seconds. Returns the slowest of the
  /// ranks to name; each is named once, and again after it was as fast as the others.
  std::optional<Straggler> look(std::span<const double> compute_seconds, double now);

 private:
  /// Returns each rank's time over the median of the others that do the same work; 0 without such others.
  std::vector<double> ratios(std::span<const double> compute_seconds) const;

  struct State {
    std::optional<double> since;  ///< slow at every look from this one on
    bool named = false;
  };
  double factor_;
  double seconds_;
  std::vector<int> work_of_;
  std::vector<State> states_;
};

}  // namespace trireme::launcher
