#include "models/layout/flat_layout.hpp"

#include <numeric>
#include <set>
#include <utility>

#include "base/error.hpp"

namespace trireme::layout {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

FlatLayout lay_out(const std::vector<BlockPlan>& plan, int tp_rank, int tp, std::int64_t boundary,
                   std::int64_t total_multiple) {
  FlatLayout layout;
  std::set<std::string> names;
  std::int64_t offset = 0;
  const auto close = [&] { return round_up(offset, std::lcm(boundary, total_multiple)); };
  bool frozen = false;
  for (const BlockPlan& planned : plan) {
    if (!names.insert(planned.name).second) {
      throw base::Error(base::str("block ", planned.name, " is planned twice on one rank"));
    }
    if (!planned.trainable && !frozen) layout.grad_elements = offset = close();
    if (planned.trainable && frozen) throw base::Error(base::str(planned.name, " lies behind frozen blocks"));
    frozen = !planned.trainable;
    offset = round_up(offset, std::lcm(boundary, planned.alignment));
    FlatBlock block{planned.name, {}, offset, planned.trainable};
    for (const spec::LogicalTensor& tensor : planned.members) {
      FlatParameter parameter{tensor, spec::box_of(tensor, tp_rank, tp), spec::owned_box(tensor, tp_rank, tp), offset,
                              planned.trainable};
      offset += parameter.box.elements();
      block.members.push_back(static_cast<int>(layout.parameters.size()));
      layout.parameters.push_back(std::move(parameter));
    }
    layout.blocks.push_back(std::move(block));
  }
  layout.elements = close();
  if (!frozen) layout.grad_elements = layout.elements;
  return layout;
}

const FlatBlock& FlatLayout::last_trainable() const {
  for (std::size_t index = blocks.size(); index-- > 0;) {
    if (blocks[index].trainable) return blocks[index];
  }
  throw base::Error("no block of this rank has gradients");
}

}  // namespace trireme::layout
