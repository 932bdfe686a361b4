// Groups of parameters: which tensor belongs to which, and where frozen ones lie.
#include "models/layout/state_map.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "models/layout/name_pattern.hpp"
#include "models/layout/rank_state.hpp"
#include "models/layout/state_boxes.hpp"
#include "tests/support/small_models.hpp"

namespace trireme::layout {
namespace {

using testing::HasSubstr;

spec::ModelPlan small_plan() {
  return spec::make_plan(tests::small_model_of(
      "llama", {.layers = 2, .hidden = 16, .heads = 4, .kv_heads = 2, .ffn = 24, .sequence = 8, .vocab = 32}));
}

ParameterGroup group(const std::string& name, const std::vector<std::string>& patterns, bool trainable = true) {
  ParameterGroup made;
  made.name = name;
  made.patterns = patterns;
  made.trainable = trainable;
  return made;
}

std::string refusal(const std::vector<ParameterGroup>& groups) {
  try {
    StateMap(groups, spec::logical_tensors(small_plan()));
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "";
}

TEST(NamePattern, AStarStandsForAnyCharactersOrNone) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("layers.*.q.weight", "layers.3.attention.q.weight"));
  EXPECT_TRUE(matches("*norm*", "layers.3.ffn_norm.weight"));
  EXPECT_TRUE(matches("a*b*c", "a.b.b.c"));
  EXPECT_TRUE(matches("embed.tokens", "embed.tokens"));
  EXPECT_FALSE(matches("embed.tokens", "embed.tokens2"));
  EXPECT_FALSE(matches("layers.1.*", "layers.10.ffn.up.weight"));
  EXPECT_FALSE(matches("a*b", "a.b.c"));
  EXPECT_FALSE(matches("", "a"));
}

TEST(StateMap, ATensorBelongsToTheFirstGroupThatMatches) {
  const StateMap map({group("queries", {"layers.*.q.weight"}), group("attention", {"*.attention.*", "embed.tokens"})},
                     spec::logical_tensors(small_plan()));
  EXPECT_EQ(map.group_of("layers.1.attention.q.weight"), 0U);
  EXPECT_EQ(map.group_of("layers.1.attention.k.weight"), 1U);
  EXPECT_EQ(map.group_of("embed.tokens"), 1U);
  EXPECT_EQ(map.group_of("head.weight"), 2U) << "the default group";
  EXPECT_EQ(map.groups().back().name, "");
}

TEST(StateMap, AGroupThatDoesNotFitTheModelIsRefusedInASentence) {
  EXPECT_EQ(refusal({group("a", {"embed.*"})}), "");
  EXPECT_THAT(refusal({group("a", {})}), HasSubstr("group.a.match is missing"));
  const std::string nothing = refusal({group("head", {"embed.*", "layers.*.attn.q.weight"})});
  EXPECT_THAT(nothing, HasSubstr("group.head.match: layers.*.attn.q.weight matches no tensor"));
  EXPECT_THAT(nothing, HasSubstr("layers.*.attention.q.weight"));
  EXPECT_THAT(refusal({group("a", {"*.attention.*"}), group("b", {"*.q.weight"})}),
              HasSubstr("put [group.b] in front"));
  const std::string half = refusal({group("still", {"layers.1.attention.q.weight"}, false)});
  EXPECT_THAT(half, HasSubstr("group.still.frozen freezes layers.1.attention.q.weight but not"));
  EXPECT_THAT(refusal({group("all", {"*"}, false)}), HasSubstr("nothing to train"));
}

StateLayout layout_with(const std::vector<ParameterGroup>& groups, int dp, int zero) {
  StateLayout layout;
  layout.model = small_plan();
  layout.degrees = {1, 1, dp, 1};
  layout.zero = zero;
  layout.bucket = {256, 256};
  layout.map = StateMap(groups, spec::logical_tensors(layout.model));
  return layout;
}

TEST(StateMap, FrozenTensorsLieBehindTheGradients) {
  const StateLayout layout = layout_with({group("still", {"layers.0.*", "embed.*"}, false)}, 2, 1);
  const RankState state = state_of_rank(layout, {});
  EXPECT_LT(state.flat.grad_elements, state.flat.elements);
  for (const FlatParameter& parameter : state.flat.parameters) {
    const bool still = parameter.tensor.name.starts_with("layers.0.") || parameter.tensor.name == "embed.tokens";
    EXPECT_EQ(range_of(parameter).begin >= state.flat.grad_elements, still) << parameter.tensor.name;
    EXPECT_EQ(parameter.trainable, !still) << parameter.tensor.name;
  }
  EXPECT_EQ(state.buckets.back().end, state.flat.grad_elements);
  EXPECT_LE(state.own.back().end, state.flat.grad_elements);
  for (const HeldBox& held : update_boxes(layout, state)) {
    EXPECT_TRUE(state.flat.parameters[static_cast<std::size_t>(held.parameter)].trainable);
  }
}

TEST(StateMap, GroupsDivideAllElementsAmongThem) {
  const StateLayout layout = layout_with(
      {group("queries", {"*.q.weight"}), group("still", {"layers.0.ffn.*"}, false), group("n", {"*norm*"})}, 1, 0);
  const FlatLayout& flat = state_of_rank(layout, {}).flat;
  std::int64_t covered = 0;
  for (std::size_t index = 0; index < layout.map.groups().size(); ++index) {
    const std::vector<FlatRange> ranges = group_ranges(flat, index);
    for (const FlatRange& range : ranges) covered += range.size();
    for (const FlatParameter& parameter : flat.parameters) {
      const bool inside = intersect({range_of(parameter)}, ranges) == std::vector<FlatRange>{range_of(parameter)};
      EXPECT_EQ(inside, parameter.group == index) << parameter.tensor.name;
    }
  }
  EXPECT_EQ(covered, flat.elements);
}

TEST(StateMap, WithoutGroupsTheDefaultGroupIsTheWholeBuffer) {
  const FlatLayout flat = state_of_rank(layout_with({}, 1, 0), {}).flat;
  EXPECT_EQ(group_ranges(flat, 0), (std::vector<FlatRange>{{0, flat.elements}}));
  EXPECT_EQ(flat.grad_elements, flat.elements);
}

}  // namespace
}  // namespace trireme::layout
