// Finds ports for the daemons of a cluster.
#pragma once

#include <cstddef>
#include <vector>

namespace trireme::devcluster {

/// Returns `count` ports on which nothing listens, below the range of outgoing connections, beginning at a random one.
/// Throws base::Error when there are not enough.
std::vector<int> free_ports(std::size_t count);

}  // namespace trireme::devcluster
