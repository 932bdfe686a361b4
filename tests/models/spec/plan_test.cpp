#include "models/spec/plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.hpp"
#include "models/spec/families/family.hpp"

namespace trireme::spec {
namespace {

using ::testing::HasSubstr;

std::string refusal(ModelConfig config, const std::function<void(ModelConfig&)>& change) {
  change(config);
  try {
    make_plan(config);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(MakePlan, AcceptsEveryPresetAndEveryFamilysDefaults) {
  for (const std::string& name : preset_names()) EXPECT_NO_THROW(make_plan(*preset(name))) << name;
  for (const std::string& name : family_names()) {
    ModelConfig config = defaults_of(name);
    config.vocab = 100;
    EXPECT_NO_THROW(make_plan(config)) << name;
  }
}

TEST(MakePlan, NamesTheKeysOfSizesThatMakeNoModel) {
  const ModelConfig llama = *preset("llama3-8b");
  const ModelConfig gpt2 = *preset("gpt2-124m");
  EXPECT_THAT(refusal(llama, [](auto& c) { c.layers = 0; }), HasSubstr("model.layers = 0"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.vocab = 0; }), HasSubstr("model.vocab = 0"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.ffn = -1; }), HasSubstr("model.ffn = -1"));
  EXPECT_THAT(refusal(llama,
                      [](auto& c) {
                        c = defaults_of("llama", {2, 4096, 3}), c.vocab = 9;
                      }),
              HasSubstr("model.heads = 3 does not divide model.hidden = 4096"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.kv_heads = 5; }), HasSubstr("model.kv_heads = 5 does not divide"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.head_size = 5; }), HasSubstr("rotates 5 elements"));
  EXPECT_EQ(refusal(gpt2, [](auto& c) { c.head_size = 5; }), "accepted");
  EXPECT_THAT(refusal(llama, [](auto& c) { c.dropout = 1; }), HasSubstr("model.dropout"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.norm_eps = 0; }), HasSubstr("model.norm_eps"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.head_scale = 0; }), HasSubstr("model.head_scale = 0"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.init_std = std::numeric_limits<double>::quiet_NaN(); }),
              HasSubstr("model.init_std"));
}

TEST(MakePlan, RefusesPropertiesThatContradictEachOther) {
  const ModelConfig llama = *preset("llama3-8b");
  const ModelConfig gpt2 = *preset("gpt2-124m");
  EXPECT_THAT(refusal(llama, [](auto& c) { c.norm_bias = true; }), HasSubstr("take model.norm = layer"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.mask = Mask::kFull, c.window = {8}; }), HasSubstr("model.window = 8"));
  EXPECT_THAT(refusal(gpt2, [](auto& c) { c.rope_theta = {500}; }), HasSubstr("set model.positions = rotary"));
  EXPECT_THAT(refusal(gpt2, [](auto& c) { c.rope_fraction = 0.5; }), HasSubstr("model.rope_fraction"));
  EXPECT_THAT(refusal(llama,
                      [](auto& c) {
                        c.rope_theta = {0, 0.5};
                      }),
              HasSubstr("model.rope_theta = 0.5 must be above 1"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.rope_scaling = {RopeScaling::kLinear}; }),
              HasSubstr("model.rope_scaling = linear stretches nothing with model.rope_factor = 1"));
  const auto yarn = [](ModelConfig& c) { c.rope_scaling = {RopeScaling::kYarn}, c.rope_factor = 4; };
  EXPECT_THAT(refusal(llama, yarn), HasSubstr("model.rope_scaling = yarn needs model.rope_original_sequence"));
  const auto llama3 = [](ModelConfig& c) {
    c.rope_scaling = {RopeScaling::kLlama3};
    c.rope_factor = 8;
    c.rope_original_sequence = 64;
    c.rope_low_frequency = 4;
  };
  EXPECT_THAT(refusal(llama, llama3), HasSubstr("below model.rope_high_frequency = 4"));
}

TEST(MakePlan, RefusesKeysThatNoLayerReads) {
  const ModelConfig llama = *preset("llama3-8b");
  EXPECT_THAT(refusal(llama, [](auto& c) { c.rope_factor = 8; }), HasSubstr("model.rope_factor has no effect"));
  EXPECT_THAT(refusal(llama, [](auto& c) { c.rope_original_sequence = 8; }),
              HasSubstr("llama3 or yarn, and there are none"));
  const auto linear = [](ModelConfig& c) {
    c.rope_scaling = {RopeScaling::kLinear};
    c.rope_factor = 2;
  };
  EXPECT_EQ(refusal(llama, linear), "accepted");
  EXPECT_THAT(refusal(llama, [&](auto& c) { linear(c), c.rope_beta_slow = 2; }),
              HasSubstr("model.rope_beta_slow has no"));
  EXPECT_THAT(refusal(llama, [&](auto& c) { linear(c), c.rope_theta = {0}; }), HasSubstr("model.rope_factor has no"));
}

TEST(MakePlan, RepeatsListsOverTheLayers) {
  ModelConfig config = defaults_of("gemma", {8, 64, 4});
  config.vocab = 10;
  const ModelPlan plan = make_plan(config);
  ASSERT_EQ(plan.layer_count(), 8);
  EXPECT_EQ(plan.layers[4].attention.window, 512);
  EXPECT_EQ(plan.layers[5].attention.window, 0);
  EXPECT_EQ(plan.layers[6].attention.window, 512);
  EXPECT_EQ(plan.layers[5].attention.rotary.theta, 1e6);
  EXPECT_EQ(plan.embedding.scale, 8);
  EXPECT_EQ(plan.layers[0].attention.scale, 0.25);
  EXPECT_EQ(make_plan(*preset("smollm3-3b")).layers[3].attention.rotary, RotarySpec{});
}

TEST(MakePlan, StretchesRotaryPositionsOnlyWhereTheyAreScaled) {
  ModelConfig config = defaults_of("llama", {2, 64, 4});
  config.vocab = 10;
  config.rope_scaling = {RopeScaling::kNone, RopeScaling::kYarn};
  config.rope_factor = 8;
  config.rope_original_sequence = 32;
  const ModelPlan plan = make_plan(config);
  EXPECT_EQ(plan.layers[0].attention.rotary.factor, 1);
  EXPECT_EQ(plan.layers[1].attention.rotary.factor, 8);
  EXPECT_EQ(plan.layers[1].attention.rotary.attention_factor, 0.1 * std::log(8.0) + 1);
}

}  // namespace
}  // namespace trireme::spec
