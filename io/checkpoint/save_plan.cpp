#include "io/checkpoint/save_plan.hpp"

#include <algorithm>
#include <map>
#include <tuple>

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

/// Cuts a box into `parts` along its first dim longer than 1 (fewer when that is shorter).
std::vector<Box> cut(const Box& box, std::int64_t parts) {
  std::size_t dim = 0;
  while (dim < box.size.size() && box.size[dim] == 1) ++dim;
  if (dim == box.size.size() || parts <= 1) return {box};
  const std::int64_t length = box.size[dim];
  parts = std::min(parts, length);
  std::vector<Box> pieces;
  for (std::int64_t p = 0; p < parts; ++p) {
    Box piece = box;
    const std::int64_t begin = length * p / parts;
    piece.offset[dim] += begin;
    piece.size[dim] = length * (p + 1) / parts - begin;
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

/// Spreads the groups: those with one holder are given, the others go largest first to the holder with the fewest
/// bytes, cut into quarters of a fair share.
std::vector<std::vector<Piece>> assign(const std::vector<PlannedTensor>& tensors, std::vector<Group> groups,
                                       std::size_t ranks) {
  std::vector<std::vector<Piece>> pieces(ranks);
  std::vector<std::uint64_t> load(ranks, 0);
  std::map<std::vector<int>, std::uint64_t> shared_bytes;
  const auto ranks_of = [](const Group& group) {
    std::vector<int> list;
    for (const auto& holder : group.holders) list.push_back(holder.rank);
    return list;
  };
  for (const auto& group : groups) {
    if (group.holders.size() > 1) shared_bytes[ranks_of(group)] += group.bytes;
  }
  std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
    const bool a_fixed = a.holders.size() == 1;
    const bool b_fixed = b.holders.size() == 1;
    return a_fixed != b_fixed ? a_fixed : a.bytes > b.bytes;
  });
  for (const auto& group : groups) {
    std::vector<Box> parts = {group.box};
    if (group.holders.size() > 1) {
      const std::uint64_t share = shared_bytes.at(ranks_of(group)) / group.holders.size();
      const std::uint64_t largest = std::max(kSmallestCut, share / 4);
      parts = cut(group.box, static_cast<std::int64_t>((group.bytes + largest - 1) / largest));
    }
    const auto element = size_of(tensors[group.tensor].dtype);
    std::uint64_t memory_offset = 0;
    for (auto& part : parts) {
      const Holder& writer =
          *std::min_element(group.holders.begin(), group.holders.end(),
                            [&](const Holder& a, const Holder& b) { return load[a.rank] < load[b.rank]; });
      const std::uint64_t bytes = static_cast<std::uint64_t>(part.elements()) * element;
      load[writer.rank] += bytes;
      pieces[writer.rank].push_back({group.tensor, writer.declared, std::move(part), memory_offset});
      memory_offset += bytes;
    }
  }
  for (auto& list : pieces) {
    std::sort(list.begin(), list.end(),
              [](const Piece& a, const Piece& b) { return std::tie(a.tensor, a.box) < std::tie(b.tensor, b.box); });
  }
  return pieces;
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
  std::vector<Group> groups = group_replicas(declared, plan.tensors);
  check_disjoint_and_whole(plan.tensors, groups);
  plan.pieces = assign(plan.tensors, std::move(groups), declared.size());
  assign_files(plan, node_of_rank, shards_per_node);
  return plan;
}

}  // namespace trireme::checkpoint
