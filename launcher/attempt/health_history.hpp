// What an attempt remembers of bad batches and roll-backs, so that it does not repeat them without end.
#pragma once

#include <cstdint>
#include <map>

namespace trireme::launcher {

struct HealthHistory {
  /// Batches in a row that are left out, and roll-backs to one checkpoint: more do not help.
  static constexpr int kMost = 5;

  int bad_in_a_row = 0;                     ///< batches that were left out since the newest update
  std::map<std::int64_t, int> rolled_back;  ///< how often to the checkpoint of this step
  double stalled_seconds = 0.0;             ///< for which saves before the newest roll-back held the training up

  /// Counts a roll-back to the checkpoint of this step. False, when there were too many.
  bool may_roll_back(std::int64_t saved_step) { return ++rolled_back[saved_step] <= kMost; }
};

}  // namespace trireme::launcher
