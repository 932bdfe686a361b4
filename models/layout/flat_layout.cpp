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
  for (const BlockPlan& planned : plan) {
    if (!names.insert(planned.name).second) {
      throw base::Error(base::str("block ", planned.name, " is planned twice on one rank"));
    }
    offset = round_up(offset, std::lcm(boundary, planned.alignment));
    FlatBlock block{planned.name, {}, offset};
    for (const spec::LogicalTensor& tensor : planned.members) {
      FlatParameter parameter{tensor, spec::box_of(tensor, tp_rank, tp), spec::owned_box(tensor, tp_rank, tp), offset};
      offset += parameter.box.elements();
      block.members.push_back(static_cast<int>(layout.parameters.size()));
      layout.parameters.push_back(std::move(parameter));
    }
    layout.blocks.push_back(std::move(block));
  }
  layout.elements = round_up(offset, std::lcm(boundary, total_multiple));
  return layout;
}

}  // namespace trireme::layout
