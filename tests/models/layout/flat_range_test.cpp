#include "models/layout/flat_range.hpp"

#include <gtest/gtest.h>

namespace trireme::layout {
namespace {

spec::ModelConfig grouped_query_model() {
  spec::ModelConfig model;
  model.arch = spec::Architecture::kLlama;
  model.layers = 1;
  model.hidden = 12;
  model.heads = 6;
  model.kv_heads = 3;
  model.ffn = 8;
  model.sequence = 4;
  model.vocab = 7;
  return model;
}

FlatLayout layout_of(const spec::ModelConfig& model, int tp_rank, int tp) {
  std::vector<BlockPlan> plan;
  for (const spec::LogicalTensor& tensor : spec::logical_tensors(model)) plan.push_back({tensor.name, {tensor}});
  return lay_out(model, plan, tp_rank, tp, 8, 64);
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
    for (const spec::LogicalTensor& tensor : spec::logical_tensors(model)) {
      expected += topology::elements_of(tensor.shape);
    }
    EXPECT_EQ(counted, expected) << "tp " << tp;
  }
}

TEST(FlatRange, DecayCoversMatricesOnly) {
  const spec::ModelConfig model = grouped_query_model();
  const FlatLayout layout = layout_of(model, 0, 1);
  const std::vector<FlatRange> decay = decay_ranges(layout);
  for (const FlatParameter& parameter : layout.parameters) {
    const std::vector<FlatRange> inside = intersect({range_of(parameter)}, decay);
    const bool all = inside == std::vector<FlatRange>{range_of(parameter)};
    EXPECT_EQ(all, parameter.tensor.shape.size() == 2) << parameter.tensor.name;
    EXPECT_EQ(inside.empty(), parameter.tensor.shape.size() == 1) << parameter.tensor.name;
  }
}

}  // namespace
}  // namespace trireme::layout
