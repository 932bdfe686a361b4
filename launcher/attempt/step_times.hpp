// Where the time of a step goes, on this rank and on all.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "collectives/communicator.hpp"

namespace trireme::launcher {

/// What a step's line of the metrics says of all ranks (docs/metrics.md).
struct StepTimes {
  // Means over the ranks, in seconds.
  double data_wait = 0.0;
  double compute = 0.0;
  std::optional<double> exposed_communication;  ///< nothing on GPUs: the host does not see it
  double saving = 0.0;
  // The rank with the most.
  std::int64_t slowest_rank = 0;
  double slowest_compute = 0.0;                     ///< seconds
  std::uint64_t host_memory = 0;                    ///< bytes
  std::optional<std::uint64_t> device_memory = {};  ///< bytes; nothing on CPUs
};

/// What one rank measured in a step.
struct OwnTimes {
  double seconds = 0.0;  ///< the whole step
  // Seconds of the step.
  double data_wait = 0.0;
  double exposed_communication = 0.0;
  double saving = 0.0;
  double saving_before = 0.0;  ///< seconds between the end of the step before and the begin of this one
  bool on_device = false;
  std::uint64_t device_memory = 0;  ///< bytes

  /// What is left of the step, at least 0.
  double compute() const;
};

/// Collective over `control`. The high water of the process's resident memory is asked for here.
StepTimes over_all_ranks(collectives::Communicator& control, const OwnTimes& own);

}  // namespace trireme::launcher
