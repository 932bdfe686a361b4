#include "models/pipeline/assembly.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "models/schedule/assignment.hpp"
#include "models/spec/cost.hpp"

namespace trireme::pipeline {
namespace {

using transformer::ChunkSpec;
using Chunks = std::vector<ChunkSpec>;

constexpr const char* kEmbedding = "embed.tokens";

bool has_embedding(const Chunks& chunks) {
  return std::any_of(chunks.begin(), chunks.end(), [](const ChunkSpec& chunk) { return chunk.embedding; });
}

bool has_head(const Chunks& chunks) {
  return std::any_of(chunks.begin(), chunks.end(), [](const ChunkSpec& chunk) { return chunk.head; });
}

schedule::PartCosts costs_of(const spec::ModelConfig& model) {
  return {0.0, spec::layer_flops(model, spec::AttentionCount::kCausal), spec::head_flops(model)};
}

bool key_heads_shared(const spec::ModelConfig& model, int tp) {
  std::int64_t held = 0;
  for (int rank = 0; rank < tp; ++rank) held += spec::key_heads(model, rank, tp).count;
  return held > model.kv_heads;
}

}  // namespace

topology::Coordinates coordinates_of(const TrainerConfig& config, const Groups& groups) {
  const int size = groups.world == nullptr ? 1 : groups.world->size();
  if (size != config.degrees.world()) {
    throw base::Error(base::str("the layout ", topology::to_string(config.degrees), " needs ", config.degrees.world(),
                                " ranks, its group has ", size));
  }
  return topology::Mesh(config.degrees).coordinates(groups.world == nullptr ? 0 : groups.world->rank());
}

schedule::Plan plan_of(const TrainerConfig& config) {
  return {config.schedule, config.degrees.pp, config.chunks, static_cast<int>(config.micro_batches)};
}

Chunks chunks_of_stage(const TrainerConfig& config, int stage) {
  const auto all =
      schedule::assign_layers(config.model.layers, config.degrees.pp, config.chunks, costs_of(config.model));
  Chunks chunks;
  for (std::size_t index = static_cast<std::size_t>(stage); index < all.size();
       index += static_cast<std::size_t>(config.degrees.pp)) {
    const schedule::ChunkLayers& part = all[index];
    chunks.push_back({part.first_layer, part.layer_count, part.embedding, part.head});
  }
  return chunks;
}

std::string tied_block(const TrainerConfig& config, const Chunks& chunks) {
  const bool one_end = has_embedding(chunks) != has_head(chunks);
  return config.model.tie_embeddings && one_end ? kEmbedding : "";
}

std::string far_tied_block(const TrainerConfig& config, const Chunks& chunks) {
  return has_head(chunks) ? tied_block(config, chunks) : "";
}

parallel::ParameterStore make_store(const TrainerConfig& config, const Chunks& chunks,
                                    const topology::Coordinates& at) {
  std::vector<parallel::BlockPlan> plan = transformer::block_plan(config.model, chunks);
  const std::int64_t unit = optim::GradientReducer::flat_unit(config.degrees.dp);
  const std::string tied = tied_block(config, chunks);
  // Its sum waits for the other stage, so it must not hold up the buckets of the layers.
  const auto found = std::find_if(plan.begin(), plan.end(), [&](const auto& block) { return block.name == tied; });
  if (found != plan.end()) {
    found->alignment = unit;
    std::rotate(found, found + 1, plan.end());
  }
  return parallel::ParameterStore(config.model, plan, at.tp, config.degrees.tp, value_type(config.precision),
                                  grad_type(config.precision), config.device, unit);
}

optim::GradientReducer make_reducer(const TrainerConfig& config, const Chunks& chunks, const Groups& groups,
                                    parallel::ParameterStore& store) {
  optim::ReducerOptions options;
  options.bucket_bytes = config.bucket_bytes;
  options.partition = config.zero == 1;
  options.sequence_parallel = config.sequence_parallel && config.degrees.tp > 1;
  options.shared_key_heads = key_heads_shared(config.model, config.degrees.tp);
  options.embedding_is_head = has_head(chunks) && !has_embedding(chunks);
  options.layers = config.model.layers;
  options.tied = tied_block(config, chunks);
  return optim::GradientReducer(store, options, {groups.tp, groups.dp, options.tied.empty() ? nullptr : groups.tied});
}

Stage make_stage(const TrainerConfig& config, const Chunks& chunks, const Groups& groups,
                 const topology::Coordinates& at, parallel::ParameterStore& store) {
  transformer::ChunkContext context;
  context.tp = groups.tp;
  context.sequence_parallel = config.sequence_parallel && config.degrees.tp > 1;
  context.recompute = config.recompute;
  context.seed = config.seed;
  Stage stage;
  stage.stage = at.pp;
  stage.stages = config.degrees.pp;
  stage.pp = groups.pp;
  for (const ChunkSpec& chunk : chunks) stage.chunks.emplace_back(config.model, chunk, context, store);
  return stage;
}

at::ScalarType value_type(Precision precision) {
  if (precision == Precision::kBf16) return at::kBFloat16;
  return precision == Precision::kFp64 ? at::kDouble : at::kFloat;
}

at::ScalarType grad_type(Precision precision) { return precision == Precision::kFp64 ? at::kDouble : at::kFloat; }

}  // namespace trireme::pipeline
