// Finds ports for programs that are about to start.
#pragma once

#include <cstddef>
#include <vector>

namespace trireme::base {

/// Returns `count` ports on which nothing listens, below the range of outgoing connections, beginning at a random one.
/// Throws base::Error when there are not enough.
std::vector<int> free_ports(std::size_t count);

}  // namespace trireme::base
