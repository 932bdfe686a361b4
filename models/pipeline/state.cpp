#include "models/pipeline/state.hpp"

#include <algorithm>
#include <array>

#include "models/spec/logical_tensor.hpp"

namespace trireme::pipeline {
namespace {

using optim::FlatRange;

/// True when tp ranks hold overlapping, different boxes of this tensor.
bool shared(const spec::LogicalTensor& tensor, const StateView& view) {
  if (tensor.split != spec::Split::kKeyHeads || view.tp == 1) return false;
  std::int64_t held = 0;
  for (int rank = 0; rank < view.tp; ++rank) held += spec::box_of(tensor, view.config, rank, view.tp).size[0];
  return held > tensor.shape[0];
}

/// Boxes that are the same on every rank that holds them: single heads where ranks share some.
std::vector<topology::Box> common_boxes(const parallel::Parameter& parameter, const StateView& view) {
  if (!shared(parameter.tensor, view)) return {parameter.box};
  std::vector<topology::Box> heads;
  for (std::int64_t row = 0; row < parameter.box.size[0]; row += view.config.head_size()) {
    topology::Box head = parameter.box;
    head.offset[0] += row;
    head.size[0] = view.config.head_size();
    heads.push_back(head);
  }
  return heads;
}

/// Boxes of flat elements [begin, end) of a parameter, in its logical tensor.
std::vector<topology::Box> boxes_of(const parallel::Parameter& parameter, FlatRange range) {
  std::vector<topology::Box> boxes =
      topology::boxes_of_range(parameter.box.size, range.begin - parameter.flat_offset, range.size());
  for (topology::Box& box : boxes) {
    for (std::size_t dim = 0; dim < box.offset.size(); ++dim) box.offset[dim] += parameter.box.offset[dim];
  }
  return boxes;
}

/// What of `range` lies before, in and behind `owned`.
std::array<FlatRange, 3> divide(FlatRange range, FlatRange owned) {
  const std::int64_t first = std::clamp(owned.begin, range.begin, range.end);
  const std::int64_t last = std::clamp(owned.end, first, range.end);
  return {FlatRange{range.begin, first}, FlatRange{first, last}, FlatRange{last, range.end}};
}

}  // namespace

const char* name_of(StateKind kind) {
  constexpr std::array<const char*, 4> names{"param", "adam_m", "adam_v", "grad"};
  return names[static_cast<std::size_t>(kind)];
}

void append_whole(std::vector<StateTensor>& out, const StateView& view, StateKind kind, const at::Tensor& flat) {
  for (const parallel::Parameter& parameter : view.store.parameters()) {
    if (parameter.box.empty()) continue;
    std::int64_t offset = parameter.flat_offset;
    for (const topology::Box& box : common_boxes(parameter, view)) {
      const std::int64_t count = box.elements();
      out.push_back({kind, parameter.tensor.name, parameter.tensor.shape, box,
                     flat.narrow(0, offset, count).view(box.size), true});
      offset += count;
    }
  }
}

void append_parts(std::vector<StateTensor>& out, const StateView& view, StateKind kind,
                  const std::vector<FlatRange>& own,
                  const std::function<at::Tensor(std::int64_t begin, std::int64_t count)>& piece) {
  for (const parallel::Block& block : view.store.blocks()) {
    for (const int member : block.members) {
      const parallel::Parameter& parameter = view.store.parameters()[static_cast<std::size_t>(member)];
      for (const FlatRange& mine : optim::intersect({optim::range_of(parameter)}, own)) {
        const std::array<FlatRange, 3> divided = divide(mine, optim::owned_range(parameter));
        for (std::size_t index = 0; index < divided.size(); ++index) {
          std::int64_t begin = divided[index].begin;
          for (const topology::Box& box : boxes_of(parameter, divided[index])) {
            const std::int64_t count = box.elements();
            const bool stored = index == 1 && block.name != view.far_tied;
            out.push_back(
                {kind, parameter.tensor.name, parameter.tensor.shape, box, piece(begin, count).view(box.size), stored});
            begin += count;
          }
        }
      }
    }
  }
}

}  // namespace trireme::pipeline
