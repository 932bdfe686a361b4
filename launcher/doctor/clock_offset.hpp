// Measures how far the clocks of the nodes are apart.
#pragma once

#include <vector>

#include "collectives/communicator.hpp"
#include "launcher/doctor/survey.hpp"

namespace trireme::doctor {

/// A question of rank 0 and its answer; seconds since the epoch. `remote` is by the other node's clock.
struct ClockExchange {
  double sent = 0;
  double remote = 0;
  double received = 0;
};

struct ClockOffset {
  double seconds = 0;        ///< remote clock minus local clock
  double error_seconds = 0;  ///< half the round trip
};

/// The offset by the exchange with the shortest round trip, which has the smallest error (Cristian, "Probabilistic
/// clock synchronization", 1989). `exchanges` must not be empty.
ClockOffset offset_of(const std::vector<ClockExchange>& exchanges);

/// Collective: sets clock_seconds and clock_error_seconds of every node on rank 0. Rank 0 asks each node's first rank
/// eight times, one node after the other.
void measure_clocks(collectives::Communicator& control, std::vector<Node>& nodes);

}  // namespace trireme::doctor
