#include "models/spec/cost.hpp"

#include <gtest/gtest.h>

#include "models/spec/families/family.hpp"

namespace trireme::spec {
namespace {

std::function<UpdateState(const LogicalTensor&)> each(const UpdateState& kept) {
  return [kept](const LogicalTensor&) { return kept; };
}

TEST(Cost, AParameterAndItsTwoMomentsAreStoredInFp32UnlessTheModelTrainsInFp64) {
  const ModelPlan gpt2 = make_plan(*preset("gpt2-124m"));
  EXPECT_EQ(state_bytes(gpt2, each({2, 2}), false), 3 * 4 * parameter_count(gpt2));
  EXPECT_EQ(state_bytes(gpt2, each({2, 2}), true), 3 * 8 * parameter_count(gpt2));
}

TEST(Cost, WithMuonTheMatricesOfTheLayersHaveOneNumberLess) {
  const ModelPlan gpt2 = make_plan(*preset("gpt2-124m"));
  const std::int64_t matrices = 12 * 12 * 768 * 768;
  EXPECT_EQ(state_bytes(gpt2, each({1, 2}), false), 4 * (3 * parameter_count(gpt2) - matrices));
}

TEST(Flops, CountMatricesAndAttentionByHand) {
  const ModelPlan gpt2 = make_plan(*preset("gpt2-124m"));
  // 12 h^2 weights a layer, two operations each; attention 4 T h full, half of it causal.
  EXPECT_EQ(layer_flops(gpt2, 0, AttentionCount::kFull), 2.0 * 12 * 768 * 768 + 4.0 * 1024 * 768);
  EXPECT_EQ(layer_flops(gpt2, 0, AttentionCount::kCausal), 2.0 * 12 * 768 * 768 + 2.0 * 1024 * 768);
  EXPECT_EQ(head_flops(gpt2), 2.0 * 768 * 50257);
  EXPECT_NEAR(train_flops(gpt2, AttentionCount::kFull), 8.55e8, 1e6);
  EXPECT_NEAR(train_flops(gpt2, AttentionCount::kCausal), 7.98e8, 1e6);
  ModelPlan short_gpt2 = gpt2;
  short_gpt2.sequence = 64;
  EXPECT_NEAR(head_flops(short_gpt2) / layer_flops(short_gpt2, 0, AttentionCount::kCausal), 5.4, 0.1);
  const ModelPlan llama = make_plan(*preset("llama-8b"));
  const double matrices = 2.0 * 4096 * 4096 + 2.0 * 4096 * 1024 + 3.0 * 4096 * 14336;
  EXPECT_EQ(layer_flops(llama, 0, AttentionCount::kCausal), 2 * matrices + 2.0 * 8192 * 4096);
}

TEST(Flops, AWindowCountsTheTokensItShows) {
  const ModelPlan gemma = make_plan(*preset("gemma2-2b"));  // windows of 4096 of 8192 in every other layer
  const double width = 8 * 256;
  const double causal = layer_flops(gemma, 1, AttentionCount::kCausal) - layer_flops(gemma, 0, AttentionCount::kCausal);
  EXPECT_EQ(causal, 4 * width * (4096 - (4096 - 4096.0 * 4096 / (2 * 8192))));
  const double full = layer_flops(gemma, 1, AttentionCount::kFull) - layer_flops(gemma, 0, AttentionCount::kFull);
  EXPECT_EQ(full, 4 * width * (8192 - 4096));
  const ModelPlan bert = make_plan(*preset("bert-base"));
  EXPECT_EQ(layer_flops(bert, 0, AttentionCount::kCausal), layer_flops(bert, 0, AttentionCount::kFull));
}

}  // namespace
}  // namespace trireme::spec
