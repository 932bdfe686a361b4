// Which rank orthogonalises which matrix.
#include "models/optim/muon_plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "models/layout/rank_state.hpp"
#include "models/optim/newton_schulz.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::optim {
namespace {

layout::FlatLayout layout_of(int tp, int tp_rank) {
  layout::StateLayout state;
  state.model = spec::make_plan(tests::small_model_of(
      "llama", {.layers = 4, .hidden = 16, .heads = 4, .kv_heads = 2, .ffn = 24, .sequence = 8, .vocab = 64}));
  state.degrees.tp = tp;
  return layout::state_of_rank(state, {tp_rank, 0, 0, 0}).flat;
}

TEST(MuonPlan, HasTheMatricesOfTheLayersAndNothingElse) {
  const layout::FlatLayout flat = layout_of(1, 0);
  std::set<std::string> names;
  for (const int index : matrices_of_layers(flat)) {
    names.insert(flat.parameters[static_cast<std::size_t>(index)].tensor.name);
  }
  EXPECT_EQ(names.size(), 4U * 7U);
  EXPECT_TRUE(names.contains("layers.2.attention.k.weight"));
  EXPECT_TRUE(names.contains("layers.0.ffn.gate.weight"));
  EXPECT_FALSE(names.contains("embed.tokens"));
  EXPECT_FALSE(names.contains("head.weight"));
  EXPECT_FALSE(names.contains("layers.0.attention_norm.weight"));
}

TEST(MuonPlan, DividesTheWorkEvenlyOverTpAndDp) {
  const layout::FlatLayout flat = layout_of(2, 1);
  const MuonPlan plan = plan_muon(flat, matrices_of_layers(flat), 2, 3);
  std::map<std::pair<int, int>, double> work;
  double most_of_one = 0.0;
  for (const MuonMatrix& matrix : plan.matrices) {
    const topology::Shape& shape = flat.parameters[static_cast<std::size_t>(matrix.parameter)].tensor.shape;
    const double operations = NewtonSchulz::operations(shape[0], shape[1]);
    most_of_one = std::max(most_of_one, operations);
    work[{matrix.tp_owner, matrix.dp_owner}] += operations;
  }
  ASSERT_EQ(work.size(), 6U);
  const auto [least, most] =
      std::minmax_element(work.begin(), work.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  EXPECT_LE(most->second - least->second, most_of_one);
}

TEST(MuonPlan, AllRanksOfAStageComeToTheSameOwners) {
  const layout::FlatLayout here = layout_of(4, 0), there = layout_of(4, 3);
  const MuonPlan one = plan_muon(here, matrices_of_layers(here), 4, 2);
  const MuonPlan other = plan_muon(there, matrices_of_layers(there), 4, 2);
  ASSERT_EQ(one.matrices.size(), other.matrices.size());
  for (std::size_t index = 0; index < one.matrices.size(); ++index) {
    EXPECT_EQ(one.matrices[index].parameter, other.matrices[index].parameter);
    EXPECT_EQ(one.matrices[index].tp_owner, other.matrices[index].tp_owner);
    EXPECT_EQ(one.matrices[index].dp_owner, other.matrices[index].dp_owner);
  }
}

TEST(MuonPlan, SlicesLieBesideEachOtherByDpOwner) {
  const layout::FlatLayout flat = layout_of(2, 0);
  const MuonPlan plan = plan_muon(flat, matrices_of_layers(flat), 2, 3);
  ASSERT_EQ(plan.of_dp_rank.size(), 3U);
  std::int64_t end = 0;
  for (const MuonMatrix& matrix : plan.matrices) {
    const layout::FlatRange of_owner = plan.of_dp_rank[static_cast<std::size_t>(matrix.dp_owner)];
    EXPECT_GE(matrix.slice, end);
    end = matrix.slice + flat.parameters[static_cast<std::size_t>(matrix.parameter)].box.elements();
    EXPECT_GE(matrix.slice, of_owner.begin);
    EXPECT_LE(end, of_owner.end);
  }
  EXPECT_LE(end, plan.elements);
}

}  // namespace
}  // namespace trireme::optim
