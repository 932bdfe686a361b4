// Simulates the devices of a pipeline, where computes and transfers run on streams and the host waits for neither.
#pragma once

#include <string>
#include <vector>

#include "models/schedule/communicators.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::schedule {

/// Simulates the lists of all stages. Each stage has a stream for computes and one for each of its communicators, and
/// what is on one stream runs in the list's order. With LaunchOrder::kCalls a group also waits for the start of all
/// groups that its stage starts before it. A compute waits for the group that brings its input; a group waits for all
/// computes that are listed before it, and is done when the groups with the counterparts of its transfers have started.
/// Returns "", or what goes wrong: a transfer without counterpart, or a deadlock with what each stage waits for.
/// check_rendezvous() finds what else may be wrong with a list.
std::string check_streams(const std::vector<StageActions>& stages, Communicators communicators, LaunchOrder order);

}  // namespace trireme::schedule
