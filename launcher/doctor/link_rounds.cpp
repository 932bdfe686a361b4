#include "launcher/doctor/link_rounds.hpp"

#include <algorithm>
#include <set>

namespace trireme::doctor {
namespace {

/// With up to this many nodes every pair of nodes is measured, in one round fewer than there are nodes.
constexpr std::size_t kAllPairs = 17;

class Plan {
 public:
  void begin() { open_.clear(); }
  void add(std::size_t slot, int a, int b) {
    if (a == b || !seen_.insert(std::minmax(a, b)).second) return;
    if (open_.size() <= slot) open_.resize(slot + 1);
    open_[slot].emplace_back(std::min(a, b), std::max(a, b));
  }
  void end() {
    for (Round& round : open_) {
      if (!round.empty()) rounds_.push_back(std::move(round));
    }
    open_.clear();
  }
  /// Pairs every member with the one `distance` further. Each cycle is walked with alternating slots; the last edge of
  /// an odd cycle gets a third slot.
  void add_ring(const std::vector<int>& members, std::size_t distance) {
    const std::size_t size = members.size();
    std::vector<bool> visited(size, false);
    begin();
    for (std::size_t start = 0; start < size; ++start) {
      if (visited[start]) continue;
      std::size_t edge = 0;
      for (std::size_t at = start; !visited[at]; ++edge) {
        visited[at] = true;
        const std::size_t next = (at + distance) % size;
        const bool closes_odd = next == start && edge % 2 == 0;
        add(closes_odd ? 2 : edge % 2, members[at], members[next]);
        at = next;
      }
    }
    end();
  }
  /// The circle method: member 0 stays, the others move on by one place in every round.
  void add_all_pairs(std::vector<int> members) {
    constexpr int kNobody = -1;
    if (members.size() % 2 == 1) members.push_back(kNobody);
    const std::size_t size = members.size();
    for (std::size_t turn = 0; turn + 1 < size; ++turn) {
      begin();
      for (std::size_t i = 0; i < size / 2; ++i) {
        const int a = members[i];
        const int b = members[size - 1 - i];
        if (a != kNobody && b != kNobody) add(0, a, b);
      }
      end();
      std::rotate(members.begin() + 1, members.end() - 1, members.end());
    }
  }
  std::vector<Round> take() { return std::move(rounds_); }

 private:
  std::set<std::pair<int, int>> seen_;
  std::vector<Round> open_;
  std::vector<Round> rounds_;
};

}  // namespace

std::vector<Round> plan_rounds(const std::vector<Node>& nodes, int rails) {
  std::vector<int> all;
  std::vector<int> leaders;
  for (const Node& node : nodes) {
    all.insert(all.end(), node.ranks.begin(), node.ranks.end());
    leaders.push_back(node.ranks.front());
  }
  std::sort(all.begin(), all.end());
  Plan plan;
  plan.add_ring(all, 1);
  if (leaders.size() <= kAllPairs) {
    plan.add_all_pairs(leaders);
  } else {
    for (std::size_t distance = 1; distance <= leaders.size() / 2; distance *= 2) plan.add_ring(leaders, distance);
  }
  for (std::size_t rail = 1; rail < static_cast<std::size_t>(std::max(rails, 1)); ++rail) {
    std::vector<int> members;
    for (const Node& node : nodes) {
      if (node.ranks.size() > rail) members.push_back(node.ranks[rail]);
    }
    if (members.size() > 1) plan.add_ring(members, 1);
  }
  return plan.take();
}

std::optional<int> partner_of(const Round& round, int rank) {
  for (const auto& [a, b] : round) {
    if (a == rank) return b;
    if (b == rank) return a;
  }
  return std::nullopt;
}

}  // namespace trireme::doctor
