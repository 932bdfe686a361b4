// Which replica's parameters are not what the others have (docs/health.md). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace trireme::launcher {

/// A rank, and a hash of what it holds.
struct Replica {
  int rank = 0;  ///< in the world
  std::string host;
  int group = 0;  ///< ranks of one group must hold the same
  std::uint64_t hash = 0;
};

struct Difference {
  std::vector<Replica>
      suspects;          ///< those that differ from the majority of their group, by rank; without one, all of it
  bool certain = false;  ///< a majority of each group that differs says so
};

/// Compares the replicas of each group. No suspects: all agree. Groups of one rank say nothing.
Difference compare_replicas(std::span<const Replica> replicas);

}  // namespace trireme::launcher
