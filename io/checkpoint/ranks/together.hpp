// Work that may fail on some ranks, and its outcome on all of them.
#pragma once

#include <functional>
#include <string>

#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

/// Collective: runs `body` on every rank. "" when it threw nowhere; else "rank <r>: <what>" of the lowest rank where it
/// did, the same text everywhere.
std::string together(Coordinator& coordinator, const std::function<void()>& body);

/// Collective: the same of rank 0 alone; the others wait for it.
std::string on_rank_0(Coordinator& coordinator, const std::function<void()>& body);

}  // namespace trireme::checkpoint
