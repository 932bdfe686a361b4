// Settings of host communicators.
#pragma once

#include <cstddef>

namespace trireme::collectives {

struct MpiOptions {
  /// Elements per MPI call; larger operations take several calls, since MPI counts are int. Tests set it small.
  std::size_t max_count = std::size_t{1} << 30;
  /// Reduce, gather and scatter through a shared-memory window when all ranks of a group are on one node.
  bool shared_window = true;
};

}  // namespace trireme::collectives
