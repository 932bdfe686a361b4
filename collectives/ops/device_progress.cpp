#include "collectives/ops/device_progress.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace trireme::collectives {
namespace {

using Counts = std::map<int, std::uint64_t>;

std::uint64_t count_of(const Counts& counts, int rank) {
  const auto found = counts.find(rank);
  return found == counts.end() ? 0 : found->second;
}

/// Whether the peer has come to its side of what `own` waits for.
bool came(const DeviceProgress& theirs, int peer, const DeviceProgress& until, int own) {
  return theirs.collectives >= until.collectives && count_of(theirs.receives, own) >= count_of(until.sends, peer) &&
         count_of(theirs.sends, own) >= count_of(until.receives, peer);
}

}  // namespace

void DeviceProgress::reach(const DeviceProgress& other) {
  collectives = std::max(collectives, other.collectives);
  for (const auto& [rank, count] : other.sends) sends[rank] = std::max(sends[rank], count);
  for (const auto& [rank, count] : other.receives) receives[rank] = std::max(receives[rank], count);
}

std::vector<int> awaited(const DeviceProgress& until, int own, int size) {
  std::set<int> ranks;
  for (int rank = 0; until.collectives > 0 && rank < size; ++rank) ranks.insert(rank);
  for (const auto& [rank, count] : until.sends) ranks.insert(rank);
  for (const auto& [rank, count] : until.receives) ranks.insert(rank);
  ranks.erase(own);
  return {ranks.begin(), ranks.end()};
}

Lateness judge(const DeviceProgress& until, int own, const std::vector<PeerState>& peers) {
  Lateness result;
  result.seconds = std::numeric_limits<double>::infinity();
  for (const PeerState& peer : peers) {
    if (!peer.answered) {
      result.silent.push_back(peer.rank);
    } else if (peer.device != nullptr && came(peer.device->begun, peer.rank, until, own)) {
      result.seconds = std::min(result.seconds, peer.device->begun_seconds);
    } else if (peer.device != nullptr && came(peer.device->calling, peer.rank, until, own)) {
      result.seconds = std::min(result.seconds, peer.device->calling_seconds);
    } else {
      result.late.push_back(peer.rank);
    }
  }
  return result;
}

}  // namespace trireme::collectives
