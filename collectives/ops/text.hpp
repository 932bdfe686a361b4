// Texts of any length among ranks.
#pragma once

#include <functional>
#include <string>

#include "collectives/communicator.hpp"

namespace trireme::collectives {

/// How a rank waits for an operation to be done.
using Wait = std::function<void(Request)>;

/// Collective over host memory: the bytes that `text` holds on rank `root`, on all ranks; what the others pass does not
/// count. `wait` replaces Request::wait(), for callers that must not spin or that may give up.
std::string share_text(Communicator& group, std::string text, int root = 0, const Wait& wait = {});

}  // namespace trireme::collectives
