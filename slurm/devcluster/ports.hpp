// Ports for the daemons of a cluster.
#pragma once

#include <cstddef>
#include <vector>

namespace trireme::devcluster {

/// Ports that nothing listens on, below those that the system gives to outgoing connections, from a random one on.
/// base::Error when there are not as many.
std::vector<int> free_ports(std::size_t count);

}  // namespace trireme::devcluster
