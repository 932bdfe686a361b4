#include "models/layout/flat_range.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/small_models.hpp"

namespace trireme::layout {
namespace {

spec::ModelConfig grouped_query_model() {
  return tests::small_model_of(
      "llama", {.layers = 1, .hidden = 12, .heads = 6, .kv_heads = 3, .ffn = 8, .sequence = 4, .vocab = 7});
}

FlatLayout layout_of(const spec::ModelConfig& model, int tp_rank, int tp) {
  std::vector<BlockPlan> plan;
  for (const spec::LogicalTensor& tensor : spec::logical_tensors(spec::make_plan(model))) {
    plan.push_back({tensor.name, {tensor}});
  }
  return lay_out(plan, tp_rank, tp, 8, 64);
}

TEST(FlatRange, IntersectionJoinsWhatTouches) {
  const std::vector<FlatRange> a{{0, 10}, {20, 30}};
  EXPECT_EQ(intersect(a, {{5, 25}}), (std::vector<FlatRange>{{5, 10}, {20, 25}}));
  EXPECT_EQ(intersect(a, {{0, 4}, {4, 8}}), (std::vector<FlatRange>{{0, 8}}));
  EXPECT_TRUE(intersect(a, {{10, 20}}).empty());
}

TEST(FlatRange, OwnedPartsOfAllTpRanksCountEachElementOnce) {
  const spec::ModelConfig model = grouped_query_model();
  for (const int tp : {1, 2, 3, 6}) {
    std::int64_t counted = 0;
    for (int rank = 0; rank < tp; ++rank) {
      for (const FlatRange& range : owned_ranges(layout_of(model, rank, tp), "")) counted += range.size();
    }
    std::int64_t expected = 0;
    for (const spec::LogicalTensor& tensor : spec::logical_tensors(spec::make_plan(model))) {
      expected += topology::elements_of(tensor.shape);
    }
    EXPECT_EQ(counted, expected) << "tp " << tp;
  }
}

TEST(FlatRange, DecayCoversMatricesOnly) {
  spec::ModelConfig model = grouped_query_model();
  for (const int ffn : {8, 2}) {  // of two columns the third rank has none
    for (const bool tied : {false, true}) {
      model.ffn = ffn;
      model.tie_embeddings = tied;
      for (const auto& [rank, tp] : {std::pair{0, 1}, {0, 3}, {1, 3}, {2, 3}}) {
        const FlatLayout layout = layout_of(model, rank, tp);
        const std::vector<FlatRange> decay = decay_ranges(layout);
        for (const FlatParameter& parameter : layout.parameters) {
          const FlatRange place = range_of(parameter);
          const std::vector<FlatRange> inside = intersect({place}, decay);
          const bool decays = parameter.tensor.shape.size() == 2 && place.size() > 0;
          EXPECT_EQ(inside, decays ? std::vector{place} : std::vector<FlatRange>{})
              << parameter.tensor.name << ", ffn " << ffn << ", tp rank " << rank << " of " << tp;
        }
      }
    }
  }
}

}  // namespace
}  // namespace trireme::layout
