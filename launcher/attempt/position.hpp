// Position in a training run.
#pragma once

#include <cstdint>

#include "io/tokens/skipped_samples.hpp"
#include "launcher/health/spike_rule.hpp"

namespace trireme::launcher {

struct Position {
  std::int64_t step = 0;               ///< steps done
  std::uint64_t consumed_samples = 0;  ///< position in the order of samples, past those that were left out
  std::int64_t skipped_steps = 0;      ///< of them, those whose samples held no target: they updated nothing
  tokens::SkippedSamples skipped;      ///< left out, before consumed_samples and after it
  RecentLosses losses;                 ///< what a loss is compared with; empty with train.on_spike = none

  std::int64_t updates() const { return step - skipped_steps; }
};

}  // namespace trireme::launcher
