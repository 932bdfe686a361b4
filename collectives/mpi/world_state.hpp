// The members of MpiWorld, for the files that implement it.
#pragma once

#include <mpi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "collectives/mpi/communicator.hpp"
#include "collectives/mpi/world.hpp"

namespace trireme::collectives {

/// What a failing rank tells the others.
struct FailureNotice {
  double seconds = 0;  ///< time of the failure: wall clock, to find the first among nodes
  int rank = 0;
  int code = 0;
  std::uint64_t text = 0;  ///< hash of the message
  std::uint64_t host = 0;  ///< hash of the node's name

  bool operator<(const FailureNotice& other) const {
    return std::pair(seconds, rank) < std::pair(other.seconds, other.rank);
  }
};

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
  std::vector<FailureNotice> failures_heard;  ///< this rank's and the others', once it has failed
  std::mutex abort_mutex;
  AbortAction on_abort;
};

}  // namespace trireme::collectives
