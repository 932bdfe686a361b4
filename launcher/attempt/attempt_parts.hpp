// What the steps and the saves of an attempt work with.
#pragma once

#include <memory>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "collectives/mpi/watchdog.hpp"
#include "launcher/attempt/run_keeper.hpp"
#include "launcher/attempt/stop_requests.hpp"
#include "launcher/attempt/watched.hpp"
#include "launcher/session/run_input.hpp"
#include "slurm/job/outcome.hpp"

namespace trireme::launcher {

/// On every rank. What rank 0 alone does is done by objects that all ranks have and that do nothing on the others
/// (log, watched, keeper), so nobody asks for the rank. The references outlive the parts.
struct AttemptParts {
  base::FileSystem& files;
  const RunInput& input;
  collectives::Watchdog& watchdog;
  base::Log log;
  Watched watched;
  StopRequests stops;
  std::unique_ptr<RunKeeper> keeper = std::make_unique<RunKeeper>();  ///< never null
  std::shared_ptr<slurm::Progress> progress = std::make_shared<slurm::Progress>();
  int number = 0;  ///< of this attempt, once the run directory is open
};

}  // namespace trireme::launcher
