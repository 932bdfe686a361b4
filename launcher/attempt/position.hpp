// Position in a training run.
#pragma once

#include <cstdint>

namespace trireme::launcher {

struct Position {
  std::int64_t step = 0;  ///< steps done
  std::uint64_t consumed_samples = 0;
  std::int64_t skipped_steps = 0;  ///< of them, those whose samples held no target: they updated nothing
};

}  // namespace trireme::launcher
