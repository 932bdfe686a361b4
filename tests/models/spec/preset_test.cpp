#include "models/spec/preset.hpp"

#include <gtest/gtest.h>

#include "models/spec/cost.hpp"

namespace trireme::spec {
namespace {

// Parameter counts as published with the models' weights.
TEST(Presets, HaveThePublishedNumberOfParameters) {
  EXPECT_EQ(parameter_count(*preset("gpt2-124m")), 124439808);
  EXPECT_EQ(parameter_count(*preset("gpt2-355m")), 354823168);
  EXPECT_EQ(parameter_count(*preset("gpt2-774m")), 774030080);
  EXPECT_EQ(parameter_count(*preset("gpt2-1.5b")), 1557611200);
  EXPECT_EQ(parameter_count(*preset("llama-1b")), 1235814400);
  EXPECT_EQ(parameter_count(*preset("llama-3b")), 3212749824);
  EXPECT_EQ(parameter_count(*preset("llama-8b")), 8030261248);
  EXPECT_EQ(parameter_count(*preset("llama-70b")), 70553706496);
  EXPECT_EQ(parameter_count(*preset("llama-405b")), 405853388800);
  EXPECT_EQ(parameter_count(*preset("llama2-7b")), 6738415616);
  EXPECT_EQ(parameter_count(*preset("llama2-13b")), 13015864320);
  EXPECT_EQ(parameter_count(*preset("tinyllama-1.1b")), 1100048384);
  EXPECT_EQ(parameter_count(*preset("smollm-135m")), 134515008);
  EXPECT_FALSE(preset("gpt5").has_value());
}

TEST(DefaultFfn, IsTheFieldsRounding) {
  EXPECT_EQ(default_ffn(Architecture::kLlama, 4096), 11008);
  EXPECT_EQ(default_ffn(Architecture::kLlama, 5120), 13824);
  EXPECT_EQ(default_ffn(Architecture::kLlama, 96), 256);
  EXPECT_EQ(default_ffn(Architecture::kGpt2, 768), 3072);
}

TEST(Flops, CountMatricesAndAttentionByHand) {
  const ModelConfig gpt2 = *preset("gpt2-124m");
  // 12 h^2 weights a layer, two operations each; attention 4 T h full, half of it causal.
  EXPECT_EQ(layer_flops(gpt2, AttentionCount::kFull), 2.0 * 12 * 768 * 768 + 4.0 * 1024 * 768);
  EXPECT_EQ(layer_flops(gpt2, AttentionCount::kCausal), 2.0 * 12 * 768 * 768 + 2.0 * 1024 * 768);
  EXPECT_EQ(head_flops(gpt2), 2.0 * 768 * 50257);
  EXPECT_NEAR(train_flops(gpt2, AttentionCount::kFull), 8.55e8, 1e6);
  EXPECT_NEAR(train_flops(gpt2, AttentionCount::kCausal), 7.98e8, 1e6);
  ModelConfig short_gpt2 = gpt2;
  short_gpt2.sequence = 64;
  EXPECT_NEAR(head_flops(short_gpt2) / layer_flops(short_gpt2, AttentionCount::kCausal), 5.4, 0.1);
  const ModelConfig llama = *preset("llama-8b");
  const double matrices = 2.0 * 4096 * 4096 + 2.0 * 4096 * 1024 + 3.0 * 4096 * 14336;
  EXPECT_EQ(layer_flops(llama, AttentionCount::kCausal), 2 * matrices + 2.0 * 8192 * 4096);
}

}  // namespace
}  // namespace trireme::spec
