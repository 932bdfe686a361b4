#include "io/checkpoint/save/save_plan.hpp"

#include <algorithm>
#include <compare>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/save/replicas.hpp"

namespace trireme::checkpoint {
namespace {

void check_disjoint_and_whole(const std::vector<PlannedTensor>& tensors, const std::vector<Replicas>& groups) {
  std::vector<const Box*> boxes;
  std::size_t next = 0;
  for (std::uint32_t t = 0; t < tensors.size(); ++t) {
    boxes.clear();
    for (; next < groups.size() && groups[next].tensor == t; ++next) boxes.push_back(groups[next].box);
    check_coverage(tensors[t].slot, tensors[t].name, tensors[t].shape, boxes);
  }
}

/// The dim along which parts of a dense box lie one after another: the first longer than 1.
std::size_t cut_dim(const Box& box) {
  std::size_t dim = 0;
  while (dim + 1 < box.size.size() && box.size[dim] == 1) ++dim;
  return dim;
}

/// How many more bytes each holder takes so that all end with the same amount, given their present loads.
std::vector<std::uint64_t> fair_quotas(const std::vector<std::uint64_t>& loads, std::uint64_t bytes) {
  std::vector<std::uint64_t> sorted = loads;
  std::sort(sorted.begin(), sorted.end());
  std::uint64_t sum = 0;
  std::uint64_t level = 0;
  for (std::size_t k = 0; k < sorted.size(); ++k) {
    sum += sorted[k];
    level = (sum + bytes + k) / (k + 1);  // rounded up, so that the quotas are enough
    if (k + 1 == sorted.size() || level <= sorted[k + 1]) break;
  }
  std::vector<std::uint64_t> quotas;
  for (const auto load : loads) quotas.push_back(level > load ? level - load : 0);
  return quotas;
}

class Assigner {
 public:
  Assigner(const std::vector<PlannedTensor>& tensors, std::size_t ranks)
      : tensors_(tensors), pieces_(ranks), load_(ranks, 0) {}

  /// Spreads boxes that have the same holders: the holders take them one after another, each up to its quota.
  void spread(const std::vector<const Replicas*>& groups) {
    const auto& holders = groups[0]->holders;
    std::uint64_t total = 0;
    for (const auto* group : groups) total += group->bytes;
    std::vector<std::uint64_t> loads;
    for (const auto& holder : holders) loads.push_back(load_[holder.rank]);
    auto quotas = fair_quotas(loads, total);
    std::size_t h = 0;
    for (const auto* group : groups) {
      for (Part rest{*group->box, 0}; !rest.box.empty();) {
        while (h + 1 < holders.size() && quotas[h] < std::min(kSmallestCut / 2, bytes_of(*group, rest.box))) ++h;
        const Part part = h + 1 < holders.size() ? take(*group, rest, quotas[h]) : std::exchange(rest, {});
        give(*group, group->holders[h], part);
        quotas[h] -= std::min(quotas[h], bytes_of(*group, part.box));
      }
    }
  }

  std::vector<std::vector<Piece>> take_pieces() {
    for (auto& list : pieces_) {
      std::sort(list.begin(), list.end(),
                [](const Piece& a, const Piece& b) { return std::tie(a.tensor, a.box) < std::tie(b.tensor, b.box); });
    }
    return std::move(pieces_);
  }

 private:
  struct Part {
    Box box{{0}, {0}};
    std::uint64_t memory_offset = 0;
  };

  std::uint64_t bytes_of(const Replicas& group, const Box& box) const {
    return static_cast<std::uint64_t>(box.elements()) * size_of(tensors_[group.tensor].dtype);
  }

  /// Cuts about `quota` bytes off the front of `rest`; takes all of it when little would remain.
  Part take(const Replicas& group, Part& rest, std::uint64_t quota) const {
    const std::uint64_t bytes = bytes_of(group, rest.box);
    if (rest.box.size.empty() || bytes <= quota + kSmallestCut / 2) return std::exchange(rest, {});
    const std::size_t dim = cut_dim(rest.box);
    const std::uint64_t row = bytes / static_cast<std::uint64_t>(rest.box.size[dim]);
    const auto rows = static_cast<std::int64_t>(std::max<std::uint64_t>(1, (quota + row / 2) / row));
    if (rows >= rest.box.size[dim]) return std::exchange(rest, {});
    Part part = rest;
    part.box.size[dim] = rows;
    rest.box.offset[dim] += rows;
    rest.box.size[dim] -= rows;
    rest.memory_offset += bytes_of(group, part.box);
    return part;
  }

  void give(const Replicas& group, const Holder& writer, const Part& part) {
    pieces_[writer.rank].push_back({group.tensor, writer.declared, part.box, part.memory_offset});
    load_[writer.rank] += bytes_of(group, part.box);
  }

  const std::vector<PlannedTensor>& tensors_;
  std::vector<std::vector<Piece>> pieces_;
  std::vector<std::uint64_t> load_;
};

/// Orders by the number of holders, then by their ranks.
std::strong_ordering compare_holders(const Replicas& a, const Replicas& b) {
  if (a.holders.size() != b.holders.size()) return a.holders.size() <=> b.holders.size();
  return std::lexicographical_compare_three_way(a.holders.begin(), a.holders.end(), b.holders.begin(), b.holders.end(),
                                                [](const Holder& x, const Holder& y) { return x.rank <=> y.rank; });
}

/// Assigns boxes with one holder first, then those with more and more holders, which can even out what the earlier ones
/// left uneven.
std::vector<std::vector<Piece>> assign(const std::vector<PlannedTensor>& tensors, const std::vector<Replicas>& groups,
                                       std::size_t ranks) {
  std::vector<const Replicas*> order;
  for (const auto& group : groups) order.push_back(&group);
  std::stable_sort(order.begin(), order.end(),
                   [](const Replicas* a, const Replicas* b) { return compare_holders(*a, *b) < 0; });
  Assigner assigner(tensors, ranks);
  for (auto first = order.begin(); first != order.end();) {
    const auto last =
        std::find_if(first, order.end(), [&](const Replicas* g) { return compare_holders(**first, *g) != 0; });
    assigner.spread({first, last});
    first = last;
  }
  return assigner.take_pieces();
}

void assign_files(SavePlan& plan, const std::vector<int>& node_of_rank, int shards_per_node) {
  std::map<int, std::vector<int>> ranks_of_node;
  for (int rank = 0; rank < static_cast<int>(node_of_rank.size()); ++rank) {
    if (!plan.pieces[rank].empty()) ranks_of_node[node_of_rank[rank]].push_back(rank);
  }
  plan.file_of_rank.assign(node_of_rank.size(), -1);
  for (const auto& [node, ranks] : ranks_of_node) {
    const std::size_t shards =
        std::min<std::size_t>(static_cast<std::size_t>(std::max(shards_per_node, 1)), ranks.size());
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      const std::size_t shard = i * shards / ranks.size();
      const std::string name = base::str("node_", node, "/shard_", shard, ".h5");
      if (plan.files.empty() || plan.files.back().name != name) plan.files.push_back({name, ranks[i], {}});
      plan.files.back().ranks.push_back(ranks[i]);
      plan.file_of_rank[ranks[i]] = static_cast<int>(plan.files.size()) - 1;
    }
  }
}

}  // namespace

SavePlan make_save_plan(const std::vector<std::vector<DeclaredBox>>& declared, const std::vector<int>& node_of_rank,
                        int shards_per_node) {
  SavePlan plan;
  std::vector<Holder> holders;
  const std::vector<Replicas> groups = find_replicas(declared, plan.tensors, holders);
  check_disjoint_and_whole(plan.tensors, groups);
  plan.pieces = assign(plan.tensors, groups, declared.size());
  assign_files(plan, node_of_rank, shards_per_node);
  return plan;
}

}  // namespace trireme::checkpoint
