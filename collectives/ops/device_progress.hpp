// How far a rank's device has come in a group, and what that says of an operation that takes long. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

namespace trireme::collectives {

/// How many operations there were, in the order in which a rank issues them. The n-th collective of all ranks is the
/// same one, and a rank's n-th send to a peer is that peer's n-th receive from it.
struct DeviceProgress {
  std::uint64_t collectives = 0;
  std::map<int, std::uint64_t> sends;     ///< by group rank of the receiver
  std::map<int, std::uint64_t> receives;  ///< by group rank of the sender

  /// Takes the larger number of each kind.
  void reach(const DeviceProgress& other);
  bool operator==(const DeviceProgress&) const = default;
};

/// What a rank tells others of one group.
struct DeviceState {
  DeviceProgress begun;      ///< the device has come to these
  double begun_seconds = 0;  ///< since it came to the newest of them
  DeviceProgress calling;    ///< the host is inside the call of these; empty: in none
  double calling_seconds = 0;
};

/// A peer's device as it answered; null: the peer has not made the group's communicator yet.
struct PeerState {
  int rank = 0;  ///< in the group
  bool answered = false;
  const DeviceState* device = nullptr;
};

/// Where the peers of an operation are.
struct Lateness {
  std::vector<int> late;    ///< group ranks that have not come to it
  std::vector<int> silent;  ///< those that gave no answer
  double seconds = 0;       ///< the others have been there for at least so long; of no meaning without others
};

/// The group ranks that an operation of `own` waits for in a group of `size`. `until`: what there was once it began: of
/// a collective the number of collectives, of an exchange that of each of its transfers.
std::vector<int> awaited(const DeviceProgress& until, int own, int size);
Lateness judge(const DeviceProgress& until, int own, const std::vector<PeerState>& peers);

}  // namespace trireme::collectives
