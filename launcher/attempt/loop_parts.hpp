// What an attempt's training works with.
#pragma once

#include <cstdint>
#include <optional>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "collectives/mpi/watchdog.hpp"
#include "io/tokens/data_source.hpp"
#include "launcher/attempt/stop_requests.hpp"
#include "launcher/checkpointing/fast_tier.hpp"
#include "launcher/run_directory/run_directory.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

/// How far a training is.
struct Position {
  std::int64_t step = 0;  ///< steps done
  std::uint64_t consumed_samples = 0;
  std::int64_t skipped_steps = 0;  ///< of them, those whose samples held no target: they updated nothing
};

/// What the loop works with besides the session. Pointers may be null where noted; all outlive the loop.
struct LoopParts {
  base::FileSystem& files;
  const tokens::DataSource& train;
  const tokens::DataSource* valid;  ///< null: no validation
  RunDirectory* run;                ///< on rank 0 only
  StopRequests& stops;
  slurm::ControlFiles* control;  ///< on rank 0 only
  slurm::TimeBudget* time;       ///< on rank 0 only
  slurm::Progress& progress;
  collectives::Watchdog& watchdog;
  base::Log log;   ///< silent on other ranks
  FastTier* fast;  ///< null without checkpoint.fast_dir
  int attempt = 1;
  std::int64_t saved_step = 0;  ///< the newest in the run directory, 0 = none
  std::optional<std::int64_t> resumed_from;
};

}  // namespace trireme::launcher
