// The members of MpiWorld, for the files that implement it.
#pragma once

#include <mpi.h>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "collectives/mpi/communicator.hpp"
#include "collectives/mpi/world.hpp"

namespace trireme::collectives {

struct MpiWorld::State {
  int rank = 0;
  int size = 1;
  int local_rank = 0;
  int local_size = 1;
  std::string host;
  std::shared_ptr<MpiContext> context;
  std::unique_ptr<MpiCommunicator> control;
  MPI_Comm failures = MPI_COMM_NULL;  ///< carries the notices of failing ranks
  std::vector<char> notice;           ///< this rank's notice, while MPI sends it
  bool failed = false;
  std::mutex abort_mutex;
  std::function<void(const std::string&, int)> on_abort;
};

}  // namespace trireme::collectives
