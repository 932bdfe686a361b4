#include "models/layout/state_boxes.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "models/spec/logical_tensor.hpp"

namespace trireme::layout {
namespace {

/// Whether tp ranks hold boxes of this tensor that overlap without being equal.
bool shared(const spec::LogicalTensor& tensor, const StateLayout& layout) {
  return tensor.split == spec::Split::kKeyHeads && spec::shares_key_heads(tensor.heads, layout.degrees.tp);
}

/// Cuts a parameter into boxes that are equal on every rank that holds them: single heads where ranks share some.
std::vector<topology::Box> common_boxes(const FlatParameter& parameter, const StateLayout& layout) {
  if (!shared(parameter.tensor, layout)) return {parameter.box};
  const std::int64_t size = parameter.tensor.heads.size;
  std::vector<topology::Box> heads;
  for (std::int64_t row = 0; row < parameter.box.size[0]; row += size) {
    topology::Box head = parameter.box;
    head.offset[0] += row;
    head.size[0] = size;
    heads.push_back(head);
  }
  return heads;
}

/// The boxes of the logical tensor that make up flat elements [begin, end) of a parameter.
std::vector<topology::Box> boxes_of(const FlatParameter& parameter, FlatRange range) {
  std::vector<topology::Box> boxes =
      topology::boxes_of_range(parameter.box.size, range.begin - parameter.flat_offset, range.size());
  for (topology::Box& box : boxes) {
    for (std::size_t dim = 0; dim < box.offset.size(); ++dim) box.offset[dim] += parameter.box.offset[dim];
  }
  return boxes;
}

/// The parts of `range` before, inside and behind `owned`.
std::array<FlatRange, 3> divide(FlatRange range, FlatRange owned) {
  const std::int64_t first = std::clamp(owned.begin, range.begin, range.end);
  const std::int64_t last = std::clamp(owned.end, first, range.end);
  return {FlatRange{range.begin, first}, FlatRange{first, last}, FlatRange{last, range.end}};
}

enum class Which { kAll, kTrainable, kFrozen };

/// Boxes for all elements of these parameters.
std::vector<HeldBox> whole_boxes(const StateLayout& layout, const RankState& state, Which which) {
  std::vector<HeldBox> held;
  for (std::size_t index = 0; index < state.flat.parameters.size(); ++index) {
    const FlatParameter& parameter = state.flat.parameters[index];
    const bool wanted = which == Which::kAll || parameter.trainable == (which == Which::kTrainable);
    if (parameter.box.empty() || !wanted) continue;
    std::int64_t begin = parameter.flat_offset;
    for (topology::Box& box : common_boxes(parameter, layout)) {
      const std::int64_t end = begin + box.elements();
      held.push_back({static_cast<int>(index), std::move(box), {begin, end}, true});
      begin = end;
    }
  }
  return held;
}

/// Boxes for the ranges that this rank updates.
std::vector<HeldBox> own_boxes(const RankState& state) {
  std::vector<HeldBox> held;
  for (const FlatBlock& block : state.flat.blocks) {
    for (const int member : block.members) {
      const FlatParameter& parameter = state.flat.parameters[static_cast<std::size_t>(member)];
      for (const FlatRange& mine : intersect({range_of(parameter)}, state.own)) {
        const std::array<FlatRange, 3> divided = divide(mine, owned_range(parameter));
        for (std::size_t part = 0; part < divided.size(); ++part) {
          std::int64_t begin = divided[part].begin;
          for (topology::Box& box : boxes_of(parameter, divided[part])) {
            const std::int64_t end = begin + box.elements();
            const bool stored = part == 1 && block.name != state.far_tied;
            held.push_back({member, std::move(box), {begin, end}, stored});
            begin = end;
          }
        }
      }
    }
  }
  return held;
}

}  // namespace

std::vector<HeldBox> parameter_boxes(const StateLayout& layout, const RankState& state) {
  if (!layout.masters) return whole_boxes(layout, state, Which::kAll);
  std::vector<HeldBox> held = update_boxes(layout, state);
  std::ranges::move(whole_boxes(layout, state, Which::kFrozen), std::back_inserter(held));
  return held;
}

std::vector<HeldBox> update_boxes(const StateLayout& layout, const RankState& state) {
  return layout.partitioned() ? own_boxes(state) : whole_boxes(layout, state, Which::kTrainable);
}

}  // namespace trireme::layout
