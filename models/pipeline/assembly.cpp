#include "models/pipeline/assembly.hpp"

#include <utility>

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

/// This rank's coordinates. Throws base::Error when the groups do not fit the degrees.
topology::Coordinates coordinates_of(const ModelSetup& setup, const Groups& groups) {
  const int size = groups.world == nullptr ? 1 : groups.world->size();
  if (size != setup.degrees.world()) {
    throw base::Error(base::str("the layout ", topology::to_string(setup.degrees), " needs ", setup.degrees.world(),
                                " ranks, its group has ", size));
  }
  return topology::Mesh(setup.degrees).coordinates(groups.world == nullptr ? 0 : groups.world->rank());
}

layout::StateLayout layout_of(const ModelSetup& setup) {
  layout::StateLayout layout;
  layout.model = setup.model;
  layout.degrees = setup.degrees;
  layout.chunks = setup.chunks;
  layout.boundary = parallel::elements_of_64_bytes(value_type(setup.precision), grad_type(setup.precision));
  return layout;
}

bool sequence_parallel(const ModelSetup& setup) { return setup.sequence_parallel && setup.degrees.tp > 1; }

transformer::ChunkContext context_of(const ModelSetup& setup, const Groups& groups) {
  transformer::ChunkContext context;
  context.tp = groups.tp;
  context.sequence_parallel = sequence_parallel(setup);
  return context;
}

transformer::ChunkContext context_of(const TrainerConfig& config, const Groups& groups) {
  transformer::ChunkContext context = context_of(static_cast<const ModelSetup&>(config), groups);
  context.recompute = config.recompute;
  context.seed = config.seed;
  return context;
}

const ModelSetup& checked(const ModelSetup& setup) {
  check(setup);
  return setup;
}

}  // namespace

RankParts::RankParts(const ModelSetup& setup, const Groups& groups)
    : RankParts(checked(setup), groups, layout_of(setup), std::nullopt, context_of(setup, groups)) {}

RankParts::RankParts(const TrainerConfig& config, const Groups& groups)
    : RankParts(config, groups, state_layout(config), grad_type(config.precision), context_of(config, groups)) {}

RankParts::RankParts(const ModelSetup& given, const Groups& joined, layout::StateLayout state,
                     std::optional<at::ScalarType> grad_type, const transformer::ChunkContext& context)
    : setup(given),
      groups(joined),
      at(coordinates_of(setup, groups)),
      layout(std::move(state)),
      rank(layout::state_of_rank(layout, at)),
      store(rank.flat, value_type(setup.precision), grad_type, setup.device) {
  stage.stage = at.pp;
  stage.stages = setup.degrees.pp;
  stage.pp = groups.pp;
  stage.links = groups.links;
  for (const schedule::ChunkLayers& chunk : rank.chunks) stage.chunks.emplace_back(setup.model, chunk, context, store);
}

Wire wire_of(const ModelSetup& setup, const transformer::MicroBatch& batch, const at::TensorOptions& options) {
  std::int64_t tokens = batch.tokens.size(1);
  if (setup.sequence_parallel && tokens % setup.degrees.tp == 0) tokens /= setup.degrees.tp;
  return {{tokens, batch.tokens.size(0), setup.model.hidden}, options};
}

schedule::Plan plan_of(const TrainerConfig& config) {
  return {config.schedule, config.degrees.pp, config.chunks, static_cast<int>(config.micro_batches)};
}

layout::StateLayout state_layout(const TrainerConfig& config) {
  layout::StateLayout layout = layout_of(config);
  layout.zero = config.zero;
  layout.masters = value_type(config.precision) != grad_type(config.precision);
  layout.bucket = bucket_size(config);
  layout.map = layout::StateMap(config.groups, spec::logical_tensors(config.model));
  return layout;
}

optim::GradientReducer make_reducer(const TrainerConfig& config, RankParts& parts) {
  optim::ReducerOptions options;
  options.buckets = parts.rank.buckets;
  options.partition = config.zero == 1;
  options.sequence_parallel = sequence_parallel(config);
  options.embedding_is_head = layout::has_head(parts.rank.chunks) && !layout::has_embedding(parts.rank.chunks);
  options.layers = config.model.layer_count();
  options.tied = parts.rank.tied;
  const Groups& groups = parts.groups;
  return optim::GradientReducer(parts.store, options,
                                {groups.tp, groups.dp, options.tied.empty() ? nullptr : groups.tied});
}

optim::MuonRanks muon_ranks(const RankParts& parts) {
  optim::MuonRanks ranks{parts.groups.tp, parts.groups.dp, {}};
  if (!parts.layout.partitioned()) return ranks;
  const int dp = parts.layout.degrees.dp;
  for (int rank = 0; rank < dp; ++rank) {
    std::vector<layout::FlatRange>& own = ranks.own.emplace_back();
    for (const layout::FlatRange& bucket : parts.rank.buckets) own.push_back(layout::part_of(bucket, rank, dp));
  }
  return ranks;
}

at::ScalarType value_type(Precision precision) {
  if (precision == Precision::kBf16) return at::kBFloat16;
  return precision == Precision::kFp64 ? at::kDouble : at::kFloat;
}

at::ScalarType grad_type(Precision precision) { return precision == Precision::kFp64 ? at::kDouble : at::kFloat; }

}  // namespace trireme::pipeline
