#include "io/checkpoint/save_plan.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "io/checkpoint/box_table.hpp"
#include "io/checkpoint/box_table_layout.hpp"

namespace trireme::checkpoint {
namespace {

struct Holder {
  int rank;
  std::uint32_t declared;
};

/// One distinct box and the ranks that hold it.
struct Group {
  std::uint32_t tensor;
  Box box;
  std::uint64_t bytes;
  std::vector<Holder> holders;
};

std::string label(Kind kind, const std::string& name) { return base::str(name_of(kind), " ", name); }

void check_box(const DeclaredBox& box) {
  const auto fail = [&](const std::string& problem) {
    throw base::Error(base::str("cannot store ", label(box.kind, box.tensor), ": ", problem));
  };
  if (box.tensor.empty() || box.tensor == "." || box.tensor == ".." || box.tensor.size() > kMaxNameBytes ||
      box.tensor.find('/') != std::string::npos || box.tensor.find('\0') != std::string::npos) {
    fail("its name is empty, too long or has a '/'");
  }
  if (box.shape.size() > kMaxDims) fail(base::str("it has more than ", kMaxDims, " dims"));
  if (box.box.offset.size() != box.shape.size() || box.box.size.size() != box.shape.size()) {
    fail("its box has another number of dims");
  }
  for (std::size_t d = 0; d < box.shape.size(); ++d) {
    if (box.shape[d] <= 0) fail("it has no elements");
    if (box.box.offset[d] < 0 || box.box.size[d] < 0 || box.box.offset[d] + box.box.size[d] > box.shape[d]) {
      fail(base::str("box ", topology::to_string(box.box), " lies outside"));
    }
  }
}

std::vector<PlannedTensor> collect_tensors(const std::vector<std::vector<DeclaredBox>>& declared) {
  std::map<std::pair<Kind, std::string>, const DeclaredBox*> found;
  for (const auto& of_rank : declared) {
    for (const auto& box : of_rank) {
      check_box(box);
      const auto [it, fresh] = found.emplace(std::pair(box.kind, box.tensor), &box);
      if (!fresh && (it->second->shape != box.shape || it->second->dtype != box.dtype)) {
        throw base::Error(base::str("ranks disagree about the shape or type of ", label(box.kind, box.tensor)));
      }
    }
  }
  std::vector<PlannedTensor> tensors;
  for (const auto& [key, box] : found) tensors.push_back({key.first, key.second, box->shape, box->dtype});
  return tensors;
}

std::vector<Group> group_replicas(const std::vector<std::vector<DeclaredBox>>& declared,
                                  const std::vector<PlannedTensor>& tensors) {
  std::map<std::pair<Kind, std::string>, std::uint32_t> index;
  for (std::uint32_t t = 0; t < tensors.size(); ++t) index.emplace(std::pair(tensors[t].kind, tensors[t].name), t);
  std::map<std::pair<std::uint32_t, Box>, std::vector<Holder>> holders;
  for (int rank = 0; rank < static_cast<int>(declared.size()); ++rank) {
    for (std::uint32_t i = 0; i < declared[rank].size(); ++i) {
      const auto& box = declared[rank][i];
      if (box.box.empty()) continue;
      auto& list = holders[{index.at({box.kind, box.tensor}), box.box}];
      if (list.empty() || list.back().rank != rank) list.push_back({rank, i});
    }
  }
  std::vector<Group> groups;
  for (auto& [key, list] : holders) {
    const auto bytes = static_cast<std::uint64_t>(key.second.elements()) * size_of(tensors[key.first].dtype);
    groups.push_back({key.first, key.second, bytes, std::move(list)});
  }
  return groups;
}

void check_disjoint_and_whole(const std::vector<PlannedTensor>& tensors, const std::vector<Group>& groups) {
  BoxTable table;
  for (const auto& tensor : tensors) table.tensors.push_back({tensor.kind, tensor.name, tensor.shape, tensor.dtype});
  for (const auto& group : groups) {
    TableTensor& tensor = table.tensors[group.tensor];
    if (tensor.box_count++ == 0) tensor.first_box = table.boxes.size();
    table.boxes.push_back({group.tensor, 0, group.box, 0, {}});
  }
  check_coverage(table);
}

/// The dim along which parts of a dense box lie one after another: the first longer than 1.
std::size_t cut_dim(const Box& box) {
  std::size_t dim = 0;
  while (dim + 1 < box.size.size() && box.size[dim] == 1) ++dim;
  return dim;
}

/// How many bytes each holder still takes so that all end equal, given what they have: water poured into a vessel.
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

  /// Boxes with the same holders, in order: the holders take them one after another, each up to its quota.
  void spread(const std::vector<const Group*>& groups) {
    const auto& holders = groups[0]->holders;
    std::uint64_t total = 0;
    for (const auto* group : groups) total += group->bytes;
    std::vector<std::uint64_t> loads;
    for (const auto& holder : holders) loads.push_back(load_[holder.rank]);
    auto quotas = fair_quotas(loads, total);
    std::size_t h = 0;
    for (const auto* group : groups) {
      for (Part rest{group->box, 0}; !rest.box.empty();) {
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

  std::uint64_t bytes_of(const Group& group, const Box& box) const {
    return static_cast<std::uint64_t>(box.elements()) * size_of(tensors_[group.tensor].dtype);
  }

  /// Cuts about `quota` bytes off the front of `rest`; all of it when little would remain.
  Part take(const Group& group, Part& rest, std::uint64_t quota) const {
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

  void give(const Group& group, const Holder& writer, const Part& part) {
    pieces_[writer.rank].push_back({group.tensor, writer.declared, part.box, part.memory_offset});
    load_[writer.rank] += bytes_of(group, part.box);
  }

  const std::vector<PlannedTensor>& tensors_;
  std::vector<std::vector<Piece>> pieces_;
  std::vector<std::uint64_t> load_;
};

/// Boxes of one holder first, then those of ever more holders, who can level out what the others left uneven.
std::vector<std::vector<Piece>> assign(const std::vector<PlannedTensor>& tensors, const std::vector<Group>& groups,
                                       std::size_t ranks) {
  std::map<std::pair<std::size_t, std::vector<int>>, std::vector<const Group*>> by_holders;
  for (const auto& group : groups) {
    std::vector<int> holders;
    for (const auto& holder : group.holders) holders.push_back(holder.rank);
    by_holders[{holders.size(), std::move(holders)}].push_back(&group);
  }
  Assigner assigner(tensors, ranks);
  for (const auto& [holders, list] : by_holders) assigner.spread(list);
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
  plan.tensors = collect_tensors(declared);
  const std::vector<Group> groups = group_replicas(declared, plan.tensors);
  check_disjoint_and_whole(plan.tensors, groups);
  plan.pieces = assign(plan.tensors, groups, declared.size());
  assign_files(plan, node_of_rank, shards_per_node);
  return plan;
}

}  // namespace trireme::checkpoint
