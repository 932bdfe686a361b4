// Which communicators carry the transfers between stages.
#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "models/schedule/schedule.hpp"

namespace trireme::schedule {

enum class Communicators {
  kOne,      ///< all stages share one
  kPerLink,  ///< each direction between two stages has its own
};

/// In what order a device starts the groups that it is given.
enum class LaunchOrder {
  kStreams,  ///< only those of one communicator in order
  kCalls,    ///< all in the order of the calls: one starts once those before it have started (NCCL's implicit order)
};

/// (from, to): the stages between which a transfer of `stage` goes.
using Link = std::pair<int, int>;
inline Link link_of(int stage, const Transfer& transfer) {
  return transfer.direction == Direction::kSend ? Link(stage, transfer.peer) : Link(transfer.peer, stage);
}

/// The transfers of one exchange that one communicator carries, as one group.
struct LinkGroup {
  Link link;  ///< that of the first transfer; with kOne the others may have other links
  std::vector<Transfer> transfers;
};

/// Returns the groups that `stage` starts for an exchange, in the order of their first transfers, but receives first:
/// devices start groups in the order of the calls, and behind a send a receive would wait for what is sent.
inline std::vector<LinkGroup> groups_of(int stage, const Action& exchange, Communicators communicators) {
  if (communicators == Communicators::kOne) return {{link_of(stage, exchange.transfers.front()), exchange.transfers}};
  std::vector<LinkGroup> groups;
  std::map<Link, std::size_t> place;
  for (const Transfer& transfer : exchange.transfers) {
    const auto [found, fresh] = place.emplace(link_of(stage, transfer), groups.size());
    if (fresh) groups.push_back({found->first, {}});
    groups[found->second].transfers.push_back(transfer);
  }
  std::ranges::stable_partition(groups, [](const LinkGroup& group) {
    return group.transfers.front().direction == Direction::kReceive;  // a link has one direction
  });
  return groups;
}

}  // namespace trireme::schedule
