// Simulates the action lists of all stages, under rendezvous semantics, and reports what is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "models/schedule/schedule.hpp"

namespace trireme::schedule {

struct CheckResult {
  std::string problem;                ///< "" = the lists are right
  std::vector<int> live_activations;  ///< per stage: the most forwards (of any chunk) that await their backward
};

/// In the simulation every stage blocks at an Exchange until each of its transfers has met its counterpart. That
/// happens when the peer stands at (or has passed) the Exchange that lists the counterpart. Finds: a deadlock (with
/// what each stage waits for), a transfer without counterpart, different orders of transfers at the two ends, a send of
/// what is not computed yet, a compute without its input, on the wrong stage, twice or never, a backward before its
/// forward.
CheckResult check_rendezvous(const std::vector<StageActions>& stages, int chunks_per_stage, int micro_batches);

}  // namespace trireme::schedule
