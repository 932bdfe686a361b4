// Runs the action lists of all stages in thought, under rendezvous semantics, and says what is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "models/schedule/schedule.hpp"

namespace trireme::schedule {

struct CheckResult {
  std::string problem;                ///< empty: the lists are right
  std::vector<int> live_activations;  ///< per stage: most micro-batch forwards (of any chunk) that await backward
};

/// Every stage blocks at an Exchange until each of its transfers met its counterpart, which happens when the peer
/// stands at (or passed) the Exchange that lists it. Finds: deadlock (with what each stage waits for), a transfer
/// without counterpart, different orders of transfers at the two ends, a send of what is not computed yet, a compute
/// without its input, on the wrong stage, twice or never, a backward before its forward.
CheckResult check_rendezvous(const std::vector<StageActions>& stages, int chunks_per_stage, int micro_batches);

}  // namespace trireme::schedule
