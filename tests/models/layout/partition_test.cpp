#include "models/layout/partition.hpp"

#include <gtest/gtest.h>

#include "models/layout/rank_state.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::layout {
namespace {

/// The buckets that lie in the last block with gradients, from its beginning on.
std::vector<FlatRange> buckets_of_last(const RankState& state) {
  const std::int64_t begin = state.flat.last_trainable().flat_offset;
  std::vector<FlatRange> buckets;
  for (const FlatRange& bucket : state.buckets) {
    if (bucket.begin >= begin) buckets.push_back({bucket.begin - begin, bucket.end - begin});
  }
  return buckets;
}

TEST(Partition, TheEndsOfATiedEmbeddingAreCutAlikeWhateverElseTheirStagesHold) {
  spec::ModelConfig model = tests::small_model_of(
      "llama", {.layers = 6, .hidden = 32, .heads = 4, .kv_heads = 2, .ffn = 64, .sequence = 8, .vocab = 100});
  model.tie_embeddings = true;
  StateLayout layout;
  layout.model = spec::make_plan(model);
  layout.degrees.pp = layout.degrees.dp = 2;
  layout.zero = 1;
  layout.bucket = {256, 1 << 20};
  layout.map =
      StateMap({{"still", {"layers.0.*", "layers.1.*"}, false, "", 1, {}}}, spec::logical_tensors(layout.model));
  const RankState first = state_of_rank(layout, {0, 0, 0, 0}), last = state_of_rank(layout, {0, 0, 0, 1});
  ASSERT_EQ(first.tied, "embed.tokens");
  ASSERT_EQ(last.far_tied, "embed.tokens");
  ASSERT_NE(layout.bucket.of(first.flat.grad_elements), layout.bucket.of(last.flat.grad_elements));
  EXPECT_EQ(buckets_of_last(first), buckets_of_last(last));
  EXPECT_EQ(buckets_of_last(first).front().size(), 256);
}

}  // namespace
}  // namespace trireme::layout
