#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "models/spec/cost.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::spec {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::int64_t parameters_of(const char* name) { return parameter_count(make_plan(*preset(name))); }

// Parameter counts as published with the models' weights.
TEST(Presets, HaveThePublishedNumberOfParameters) {
  EXPECT_EQ(parameters_of("gpt2-124m"), 124439808);
  EXPECT_EQ(parameters_of("gpt2-355m"), 354823168);
  EXPECT_EQ(parameters_of("gpt2-774m"), 774030080);
  EXPECT_EQ(parameters_of("gpt2-1.5b"), 1557611200);
  EXPECT_EQ(parameters_of("llama-1b"), 1235814400);
  EXPECT_EQ(parameters_of("llama-3b"), 3212749824);
  EXPECT_EQ(parameters_of("llama-8b"), 8030261248);
  EXPECT_EQ(parameters_of("llama3-8b"), 8030261248);
  EXPECT_EQ(parameters_of("llama3-70b"), 70553706496);
  EXPECT_EQ(parameters_of("llama-70b"), 70553706496);
  EXPECT_EQ(parameters_of("llama-405b"), 405853388800);
  EXPECT_EQ(parameters_of("llama2-7b"), 6738415616);
  EXPECT_EQ(parameters_of("llama2-13b"), 13015864320);
  EXPECT_EQ(parameters_of("tinyllama-1.1b"), 1100048384);
  EXPECT_EQ(parameters_of("smollm-135m"), 134515008);
  EXPECT_EQ(parameters_of("smollm2-135m"), 134515008);
  EXPECT_EQ(parameters_of("smollm2-1.7b"), 1711376384);
  EXPECT_EQ(parameters_of("smollm3-3b"), 3075098624);
  EXPECT_EQ(parameters_of("mistral-7b"), 7241732096);
  EXPECT_EQ(parameters_of("qwen2.5-0.5b"), 494032768);
  EXPECT_EQ(parameters_of("qwen2.5-1.5b"), 1543714304);
  EXPECT_EQ(parameters_of("qwen2.5-7b"), 7615616512);
  EXPECT_EQ(parameters_of("qwen3-0.6b"), 596049920);
  EXPECT_EQ(parameters_of("qwen3-1.7b"), 1720574976);
  EXPECT_EQ(parameters_of("qwen3-8b"), 8190735360);
  EXPECT_EQ(parameters_of("gemma-2b"), 2506172416);
  EXPECT_EQ(parameters_of("gemma-7b"), 8537680896);
  EXPECT_EQ(parameters_of("gemma2-2b"), 2614341888);
  EXPECT_EQ(parameters_of("gemma2-9b"), 9241705984);
  EXPECT_EQ(parameters_of("gemma3-270m"), 268098176);
  EXPECT_EQ(parameters_of("gemma3-1b"), 999885952);
  EXPECT_EQ(parameters_of("olmo2-1b"), 1484916736);
  EXPECT_EQ(parameters_of("olmo2-7b"), 7298617344);
  EXPECT_EQ(parameters_of("olmo2-13b"), 13716198400);
  EXPECT_EQ(parameters_of("bert-base"), 109514298);
  EXPECT_EQ(parameters_of("bert-large"), 335174458);
  EXPECT_FALSE(preset("gpt5").has_value());
}

// MiniLM-L6 is one: public models of sentences come without a head.
TEST(Family, ABertWithoutAHeadHasItsPublishedSize) {
  ModelConfig config = defaults_of("bert", {6, 384, 12});
  config.vocab = 30522;
  config.lm_head = false;
  config.pooler = true;
  const ModelPlan plan = make_plan(config);
  EXPECT_EQ(parameter_count(plan), 22713216);
  EXPECT_EQ(head_flops(plan), 0);
  for (const LogicalTensor& tensor : logical_tensors(plan)) {
    EXPECT_FALSE(tensor.name.starts_with("head.")) << tensor.name;
    if (tensor.name.starts_with("pooler.")) {
      EXPECT_FALSE(tensor.decay) << "nothing trains it, so it must not shrink";
    }
  }
}

TEST(Family, TheWidthOfAGatedFeedForwardIsRoundedAsInTheField) {
  EXPECT_EQ(gated_width(4096), 11008);
  EXPECT_EQ(gated_width(5120), 13824);
  EXPECT_EQ(gated_width(96), 256);
  EXPECT_EQ(defaults_of("gpt2").ffn, 3072);
}

TEST(Family, AnUnknownOneIsRefusedWithTheKnown) {
  try {
    family("lama");
    FAIL();
  } catch (const base::InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.arch = lama is no family of models (known: gpt2, llama, qwen"));
  }
}

TEST(PublicTensors, HoldEveryLogicalTensorOfEveryPresetOnce) {
  for (const std::string& name : preset_names()) {
    ModelConfig config = *preset(name);
    config.layers = 2;
    const ModelPlan plan = make_plan(config);
    std::multiset<std::string> ours, held;
    for (const LogicalTensor& tensor : logical_tensors(plan)) ours.insert(tensor.name);
    std::set<std::string> theirs;
    for (const PublicTensor& tensor : public_tensors(plan)) {
      EXPECT_TRUE(theirs.insert(tensor.name).second) << name << ": " << tensor.name;
      held.insert(tensor.parts.begin(), tensor.parts.end());
    }
    EXPECT_EQ(held, ours) << name;
  }
}

TEST(PublicTensors, FuseAndTransposeWhatGpt2Does) {
  const PublicTensor fused{
      "transformer.h.1.attn.c_attn.weight",
      {"layers.1.attention.q.weight", "layers.1.attention.k.weight", "layers.1.attention.v.weight"},
      true};
  EXPECT_THAT(public_tensors(make_plan(*preset("gpt2-124m"))), Contains(fused));
}

}  // namespace
}  // namespace trireme::spec
