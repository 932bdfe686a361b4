// What `trireme import` and `trireme export` share.
#pragma once

#include <cstdint>

#include "base/json.hpp"

namespace trireme::launcher {

/// The threads to use where `asked` were asked for: so many that a disk is busy, and so few that they fit into memory.
int hub_threads(std::int64_t asked);

/// Returns what a checkpoint's manifest says of the libraries.
base::Json library_versions_json();

}  // namespace trireme::launcher
