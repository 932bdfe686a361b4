#include "models/optim/reducer.hpp"

#include <map>

namespace trireme::optim {
namespace {

/// The number that LayerDone has for the block group of `first`, a block's first member.
std::int64_t group_of(const parallel::Parameter& first, const ReducerOptions& options) {
  if (first.tensor.place == spec::Place::kLayer) return first.tensor.layer;
  if (first.tensor.place == spec::Place::kHead) return options.layers;
  return options.embedding_is_head ? options.layers : -1;
}

/// Where the tied block begins, the last one with gradients.
std::int64_t late_from(const layout::FlatLayout& layout, const std::string& tied) {
  return tied.empty() ? layout.grad_elements : layout.last_trainable().flat_offset;
}

}  // namespace

GradientReducer::GradientReducer(parallel::ParameterStore& store, const ReducerOptions& options,
                                 const ReducerGroups& groups)
    : store_(store),
      tied_sum_(store, groups.tied),
      bucketer_(store, options.buckets, late_from(store.layout(), options.tied), options.partition, groups.dp) {
  std::map<std::int64_t, std::vector<int>> blocks_of_layer;
  const auto& blocks = store.layout().blocks;
  for (std::size_t index = 0; index < blocks.size(); ++index) {
    if (!blocks[index].trainable) continue;
    const auto& first = store.parameters()[static_cast<std::size_t>(blocks[index].members.front())];
    blocks_of_layer[group_of(first, options)].push_back(static_cast<int>(index));
  }
  for (const auto& [layer, members] : blocks_of_layer) {
    groups_.push_back({layer, members, TensorSums(store, members, groups.tp, options.sequence_parallel)});
  }
}

void GradientReducer::done(std::int64_t layer) {
  for (const Group& group : groups_) {
    if (group.layer != layer) continue;
    for (const int index : group.blocks) store_.blocks()[static_cast<std::size_t>(index)].finish();
    group.sums.run();
    bucketer_.done(group.blocks);
  }
}

void GradientReducer::finish() {
  bucketer_.require_all_done();
  tied_sum_.run();
  bucketer_.finish();
}

}  // namespace trireme::optim
