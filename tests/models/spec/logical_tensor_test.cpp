#include "models/spec/logical_tensor.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "models/spec/families/family.hpp"

namespace trireme::spec {
namespace {

ModelConfig small(const std::string& family, std::int64_t heads, std::int64_t kv_heads) {
  ModelConfig config = defaults_of(family, {2, heads * 2, heads});
  config.kv_heads = kv_heads;
  config.ffn = 11;
  config.sequence = 5;
  config.vocab = 13;
  return config;
}

/// With heads of every shape; each family's members, and one that has every tensor there is.
std::vector<ModelPlan> many_plans() {
  std::vector<ModelPlan> plans;
  for (std::int64_t heads : {1, 2, 3, 4, 6, 8, 12, 24}) {
    plans.push_back(make_plan(small("gpt2", heads, heads)));
    plans.push_back(make_plan(small("bert", heads, heads)));
    for (std::int64_t kv_heads = 1; kv_heads <= heads; ++kv_heads) {
      if (heads % kv_heads != 0) continue;
      plans.push_back(make_plan(small("llama", heads, kv_heads)));
      ModelConfig wide = small("gemma", heads, kv_heads);
      wide.qk_norm = QkNorm::kWidth;
      wide.qkv_bias = true;
      plans.push_back(make_plan(wide));
    }
  }
  return plans;
}

std::int64_t heads_in(const ModelPlan& plan) { return plan.layers.front().attention.heads; }

// How many of the tp ranks hold, and own, each element of a tensor, by the boxes alone.
std::pair<std::vector<int>, std::vector<int>> coverage(const LogicalTensor& tensor, int tp) {
  const auto total = static_cast<std::size_t>(topology::elements_of(tensor.shape));
  std::vector<int> held(total), owned(total);
  const std::int64_t columns = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
  const auto mark = [&](const topology::Box& box, std::vector<int>& counts) {
    const std::int64_t first_column = box.offset.size() == 2 ? box.offset[1] : 0;
    const std::int64_t width = box.size.size() == 2 ? box.size[1] : 1;
    for (std::int64_t row = box.offset[0]; row < box.offset[0] + box.size[0]; ++row) {
      for (std::int64_t column = first_column; column < first_column + width; ++column) {
        ++counts.at(static_cast<std::size_t>(row * columns + column));
      }
    }
  };
  for (int rank = 0; rank < tp; ++rank) {
    mark(box_of(tensor, rank, tp), held);
    mark(owned_box(tensor, rank, tp), owned);
  }
  return {held, owned};
}

TEST(Boxes, CoverEveryElementAndEachIsOwnedOnceForEveryTensorParallelDegree) {
  int cases = 0;
  for (const ModelPlan& plan : many_plans()) {
    for (int tp = 1; tp <= heads_in(plan); ++tp) {
      if (heads_in(plan) % tp != 0) continue;
      for (const LogicalTensor& tensor : logical_tensors(plan)) {
        const auto [held, owned] = coverage(tensor, tp);
        for (std::size_t i = 0; i < held.size(); ++i) {
          ASSERT_GE(held[i], 1) << tensor.name << " tp " << tp;
          ASSERT_EQ(owned[i], 1) << tensor.name << " tp " << tp;
          if (tensor.split == Split::kReplicated) {
            ASSERT_EQ(held[i], tp);
          } else if (tensor.split != Split::kKeyHeads) {
            ASSERT_EQ(held[i], 1);
          }
        }
        ++cases;
      }
    }
  }
  EXPECT_GT(cases, 1000);
}

TEST(Boxes, OwnedLieInsideHeldAndBelongToTheLowestRank) {
  for (const ModelPlan& plan : many_plans()) {
    for (int tp = 1; tp <= heads_in(plan); ++tp) {
      if (heads_in(plan) % tp != 0) continue;
      for (const LogicalTensor& tensor : logical_tensors(plan)) {
        for (int rank = 0; rank < tp; ++rank) {
          const topology::Box owned = owned_box(tensor, rank, tp);
          if (owned.empty()) continue;
          EXPECT_EQ(topology::intersect(owned, box_of(tensor, rank, tp)), owned);
          for (int lower = 0; lower < rank; ++lower) {
            EXPECT_FALSE(topology::intersect(owned, box_of(tensor, lower, tp)).has_value());
          }
        }
      }
    }
  }
}

TEST(KeyHeads, AreExactlyThoseThatTheRanksQueryHeadsRead) {
  for (const ModelPlan& plan : many_plans()) {
    for (int tp = 1; tp <= heads_in(plan); ++tp) {
      if (heads_in(plan) % tp != 0) continue;
      const Heads heads = heads_of(plan.layers.front().attention);
      const std::int64_t queries = heads.query / tp;
      for (int rank = 0; rank < tp; ++rank) {
        std::set<std::int64_t> read;
        for (std::int64_t head = rank * queries; head < (rank + 1) * queries; ++head) {
          read.insert(head / (heads.query / heads.key));
        }
        const HeadRange range = key_heads(heads, rank, tp);
        EXPECT_EQ(range.first, *read.begin());
        EXPECT_EQ(range.count, static_cast<std::int64_t>(read.size()));
        EXPECT_EQ(range.first + range.count - 1, *read.rbegin());
      }
    }
  }
}

TEST(KeyHeads, OverlapWhereAGroupCrossesRanks) {
  const ModelPlan plan = make_plan(small("llama", 12, 4));
  const Heads heads = heads_of(plan.layers.front().attention);
  const HeadRange one = key_heads(heads, 1, 3);
  EXPECT_EQ(one.first, 1);
  EXPECT_EQ(one.count, 2);
  EXPECT_EQ(owned_key_heads(heads, 1, 3).first, 2);
  EXPECT_EQ(owned_key_heads(heads, 1, 3).count, 1);
  EXPECT_TRUE(shares_key_heads(heads, 3));
  EXPECT_FALSE(shares_key_heads(heads, 2));
  LogicalTensor key;
  for (const LogicalTensor& tensor : logical_tensors(plan)) {
    if (tensor.name == "layers.0.attention.k.weight") key = tensor;
  }
  EXPECT_EQ(owned_box(key, 1, 3), (topology::Box{{4, 0}, {2, 24}}));
}

TEST(LogicalTensors, FollowTheForwardPassWithBiasesInGpt2Only) {
  std::vector<std::string> names;
  for (const LogicalTensor& tensor : logical_tensors(make_plan(small("llama", 4, 2)))) names.push_back(tensor.name);
  EXPECT_EQ(names.size(), 1U + 2 * 9 + 2);
  EXPECT_EQ(names.front(), "embed.tokens");
  EXPECT_EQ(names.back(), "head.weight");
  EXPECT_EQ(names[1], "layers.0.attention_norm.weight");
  EXPECT_EQ(names[7], "layers.0.ffn.gate.weight");
  std::map<std::string, LogicalTensor> gpt2;
  for (const LogicalTensor& tensor : logical_tensors(make_plan(small("gpt2", 4, 4)))) gpt2[tensor.name] = tensor;
  EXPECT_EQ(gpt2.size(), 2U + 2 * 16 + 2);
  EXPECT_EQ(gpt2.count("head.weight"), 0U);
  EXPECT_TRUE(gpt2.at("embed.positions").partial == Partial::kSequence);
  EXPECT_TRUE(gpt2.at("layers.1.attention.o.bias").partial == Partial::kSequence);
  EXPECT_EQ(gpt2.at("layers.1.attention.o.bias").split, Split::kReplicated);
  EXPECT_FALSE(gpt2.at("layers.1.attention.q.bias").partial == Partial::kSequence);
  EXPECT_EQ(gpt2.at("layers.1.attention.q.bias").split, Split::kQueryHeads);
  EXPECT_EQ(gpt2.at("layers.1.ffn.up.weight").deviation, 0.02);
  EXPECT_EQ(gpt2.at("layers.1.ffn.down.weight").deviation, 0.02 / std::sqrt(4.0));
  EXPECT_EQ(gpt2.at("layers.1.ffn.down.weight").layer, 1);
  for (const auto& [name, tensor] : gpt2) EXPECT_EQ(tensor.decay, tensor.shape.size() == 2) << name;
}

}  // namespace
}  // namespace trireme::spec
