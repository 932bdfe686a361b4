#include "launcher/health/replica_vote.hpp"

#include <algorithm>
#include <map>

namespace trireme::launcher {

Difference compare_replicas(std::span<const Replica> replicas) {
  std::map<int, std::vector<Replica>> groups;
  for (const Replica& replica : replicas) groups[replica.group].push_back(replica);
  Difference difference;
  difference.certain = true;
  for (const auto& [group, members] : groups) {
    std::map<std::uint64_t, std::size_t> votes;
    for (const Replica& replica : members) ++votes[replica.hash];
    if (votes.size() == 1) continue;
    const auto most = std::ranges::max_element(votes, {}, [](const auto& vote) { return vote.second; });
    const bool majority = 2 * most->second > members.size();
    difference.certain = difference.certain && majority;
    std::ranges::copy_if(members, std::back_inserter(difference.suspects),
                         [&](const Replica& replica) { return !majority || replica.hash != most->first; });
  }
  if (difference.suspects.empty()) difference.certain = false;
  std::ranges::sort(difference.suspects, {}, &Replica::rank);
  return difference;
}

}  // namespace trireme::launcher
