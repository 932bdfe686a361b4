// Which ranks are on which node.
#pragma once

#include <vector>

#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

struct NodeMap {
  std::vector<int> node_of_rank;
  std::vector<std::vector<int>> ranks;  ///< the ranks of each node, ascending

  int leader(int node) const { return ranks[static_cast<std::size_t>(node)].front(); }
  /// Whether this rank does what is done once per node.
  bool leads(int rank) const { return leader(node_of_rank[static_cast<std::size_t>(rank)]) == rank; }
};

/// Collective: gathers the node of every rank.
NodeMap gather_nodes(Coordinator& coordinator);

}  // namespace trireme::checkpoint
