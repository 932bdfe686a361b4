// Simulates how NCCL connects the stages of a pipeline.
#pragma once

#include <string>
#include <vector>

#include "models/schedule/communicators.hpp"
#include "models/schedule/schedule.hpp"

namespace trireme::schedule {

/// NCCL connects two ranks for point-to-point transfers at the end of the first group that needs them to be, each
/// direction by itself, and the host waits there. In round i = 1, 2, … a rank exchanges messages with rank + i about
/// sending to it and with rank - i about receiving from it; where both are the same rank, one message has both. A
/// message describes the connections that are new in this group. A rank waits for the messages of its peers about the
/// same connections, then goes through the rounds again to hear that the peers are done (transport.cc of NCCL 2.28).
///
/// So the two ends of a link must need their new connections in groups that meet. Example with two stages: stage 0
/// sends an activation and receives a gradient in one group, two connections, while stage 1 only receives.
///
/// Simulates the hosts of all stages, at first unconnected. A host walks through its list and waits only for
/// connections, since computes and transfers run on the device. Returns "", or what goes wrong: messages of different
/// sizes, or a deadlock with what each stage waits for.
std::string check_handshakes(const std::vector<StageActions>& stages, Communicators communicators);

}  // namespace trireme::schedule
