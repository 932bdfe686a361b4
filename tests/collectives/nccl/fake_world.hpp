// The world communicator of a rank of a fake machine.
#pragma once

#include <cuda_runtime_api.h>

#include <memory>

#include "collectives/nccl/communicator.hpp"
#include "tests/fake/fake.hpp"

namespace trireme::test {

/// What a rank's process holds for its communicators.
struct Processes {
  collectives::OperationTrace trace;
};

/// Called by every rank: rank r has device r.
inline collectives::NcclWorldOptions world_options(fake::Machine& machine, Processes& process, int rank, int ranks) {
  collectives::NcclWorldOptions options;
  options.rank = rank;
  options.size = ranks;
  options.device = rank;
  options.broadcast = [&machine](void* data, std::size_t bytes) { machine.broadcast(data, bytes); };
  options.trace = &process.trace;
  return options;
}

inline std::unique_ptr<collectives::Communicator> make_world(fake::Machine& machine, Processes& process, int rank,
                                                             int ranks) {
  cudaSetDevice(rank);
  return collectives::NcclCommunicator::make_world(world_options(machine, process, rank, ranks));
}

}  // namespace trireme::test
