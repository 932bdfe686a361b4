#include "models/layout/rank_state.hpp"

#include <algorithm>

#include "models/layout/block_plan.hpp"
#include "models/layout/partition.hpp"
#include "models/spec/cost.hpp"

namespace trireme::layout {
namespace {

using Chunks = std::vector<schedule::ChunkLayers>;

constexpr const char* kEmbedding = "embed.tokens";  // the block, and the only tensor in it

/// Layers that differ, in their windows, count with their mean: a family repeats its pattern every few layers.
schedule::PartCosts costs_of(const spec::ModelPlan& model) {
  double layers = 0;
  for (std::int64_t layer = 0; layer < model.layer_count(); ++layer) {
    layers += spec::layer_flops(model, layer, spec::AttentionCount::kCausal);
  }
  return {0.0, layers / static_cast<double>(model.layer_count()), spec::head_flops(model)};
}

/// The chunks of a stage, ascending. Layers are assigned by their cost in operations.
Chunks chunks_of_stage(const StateLayout& layout, int stage) {
  const int stages = layout.degrees.pp;
  const Chunks all = schedule::assign_layers(layout.model.layer_count(), stages, layout.chunks, costs_of(layout.model));
  Chunks chunks;
  for (auto index = static_cast<std::size_t>(stage); index < all.size(); index += static_cast<std::size_t>(stages)) {
    chunks.push_back(all[index]);
  }
  return chunks;
}

std::vector<BlockPlan> plan_of(const StateLayout& layout, const Chunks& chunks, const std::string& tied) {
  std::vector<BlockPlan> plan = block_plan(layout.model, chunks);
  for (BlockPlan& block : plan) block.trainable = layout.map.trainable(block.members.front().name);
  const auto found = std::find_if(plan.begin(), plan.end(), [&](const auto& block) { return block.name == tied; });
  if (found != plan.end()) {
    found->alignment = bucket_unit(layout.degrees.dp);
    std::rotate(found, found + 1, plan.end());
  }
  std::stable_partition(plan.begin(), plan.end(), [](const BlockPlan& block) { return block.trainable; });
  return plan;
}

}  // namespace

bool has_embedding(const Chunks& chunks) {
  return std::any_of(chunks.begin(), chunks.end(), [](const auto& chunk) { return chunk.embedding; });
}

bool has_head(const Chunks& chunks) {
  return std::any_of(chunks.begin(), chunks.end(), [](const auto& chunk) { return chunk.head; });
}

RankState state_of_rank(const StateLayout& layout, const topology::Coordinates& at) {
  RankState state;
  state.chunks = chunks_of_stage(layout, at.pp);
  const bool one_end = has_embedding(state.chunks) != has_head(state.chunks);
  if (layout.model.head.tied && one_end && layout.map.trainable(kEmbedding)) state.tied = kEmbedding;
  if (has_head(state.chunks)) state.far_tied = state.tied;
  const int dp = layout.degrees.dp;
  state.flat =
      lay_out(plan_of(layout, state.chunks, state.tied), at.tp, layout.degrees.tp, layout.boundary, bucket_unit(dp));
  for (FlatParameter& parameter : state.flat.parameters) parameter.group = layout.map.group_of(parameter.tensor.name);
  state.buckets = cut_into_buckets(state.flat, state.tied, layout.bucket, dp);
  if (!layout.partitioned()) {
    state.own = {{0, state.flat.grad_elements}};
  } else {
    for (const FlatRange& bucket : state.buckets) state.own.push_back(part_of(bucket, at.dp, dp));
  }
  return state;
}

}  // namespace trireme::layout
