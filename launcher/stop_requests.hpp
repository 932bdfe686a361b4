// What ends an attempt before its last step: asked for on one rank, agreed by all.
#pragma once

#include <cstdint>
#include <string>

#include "collectives/mpi/world.hpp"
#include "slurm/job/stop_signal.hpp"

namespace trireme::launcher {

class StopRequests {
 public:
  /// Both outlive the object.
  StopRequests(collectives::MpiWorld& world, const slurm::StopSignals& signals) : world_(world), signals_(signals) {}

  /// Of this rank, for a reduction with kMax over all: 0 = go on.
  std::int64_t vote() const { return signals_.received(); }
  /// Collective: the largest vote.
  std::int64_t agree();
  /// Collective, between two phases of the start: base::Stopped on all ranks when a stop was asked for.
  void check(const char* phase);

  /// What an agreed vote above 0 stands for: "SIGTERM".
  static std::string name_of(std::int64_t vote);

 private:
  collectives::MpiWorld& world_;
  const slurm::StopSignals& signals_;
};

}  // namespace trireme::launcher
