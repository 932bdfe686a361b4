// How far the clocks of the nodes are apart.
#pragma once

#include <vector>

#include "collectives/communicator.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// One question of rank 0 and its answer; seconds since the epoch, `remote` by the other node's clock.
struct ClockExchange {
  double sent = 0;
  double remote = 0;
  double received = 0;
};

struct ClockOffset {
  double seconds = 0;        ///< remote minus local
  double error_seconds = 0;  ///< half the round trip
};

/// From the exchange with the shortest round trip, which bounds the error best (Cristian, "Probabilistic clock
/// synchronization", 1989). `exchanges` is not empty.
ClockOffset offset_of(const std::vector<ClockExchange>& exchanges);

/// Collective: fills clock_seconds and clock_error_seconds of every node on rank 0, by eight questions to its first
/// rank each, one node after the other.
void measure_clocks(collectives::Communicator& control, std::vector<Node>& nodes);

}  // namespace trireme::doctor
