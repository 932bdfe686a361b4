#include "models/pipeline/assembly.hpp"

#include "base/error.hpp"

namespace trireme::pipeline {
namespace {

// A GPU's reduction costs a launch and a ring's latency, and the next one waits for neither; a CPU's is best while its
// piece is in the caches.
layout::BucketSize bucket_size(const TrainerConfig& config) {
  constexpr std::int64_t kMiB = 1 << 20;
  const auto bytes = static_cast<std::int64_t>(at::elementSize(grad_type(config.precision)));
  if (config.bucket_bytes > 0) return {config.bucket_bytes / bytes, config.bucket_bytes / bytes};
  if (config.device.is_cpu()) return {16 * kMiB / bytes, 16 * kMiB / bytes};
  return {32 * kMiB / bytes, 256 * kMiB / bytes};
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

layout::StateLayout state_layout(const TrainerConfig& config) {
  layout::StateLayout layout;
  layout.model = config.model;
  layout.degrees = config.degrees;
  layout.chunks = config.chunks;
  layout.zero = config.zero;
  layout.masters = value_type(config.precision) != grad_type(config.precision);
  layout.boundary = parallel::elements_of_64_bytes(value_type(config.precision), grad_type(config.precision));
  layout.bucket = bucket_size(config);
  return layout;
}

optim::GradientReducer make_reducer(const TrainerConfig& config, const layout::RankState& rank, const Groups& groups,
                                    parallel::ParameterStore& store) {
  optim::ReducerOptions options;
  options.buckets = rank.buckets;
  options.partition = config.zero == 1;
  options.sequence_parallel = config.sequence_parallel && config.degrees.tp > 1;
  options.embedding_is_head = layout::has_head(rank.chunks) && !layout::has_embedding(rank.chunks);
  options.layers = config.model.layer_count();
  options.tied = rank.tied;
  return optim::GradientReducer(store, options, {groups.tp, groups.dp, options.tied.empty() ? nullptr : groups.tied});
}

Stage make_stage(const TrainerConfig& config, const layout::RankState& rank, const Groups& groups,
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
  stage.links = groups.links;
  for (const schedule::ChunkLayers& chunk : rank.chunks) stage.chunks.emplace_back(config.model, chunk, context, store);
  return stage;
}

at::ScalarType value_type(Precision precision) {
  if (precision == Precision::kBf16) return at::kBFloat16;
  return precision == Precision::kFp64 ? at::kDouble : at::kFloat;
}

at::ScalarType grad_type(Precision precision) { return precision == Precision::kFp64 ? at::kDouble : at::kFloat; }

}  // namespace trireme::pipeline
