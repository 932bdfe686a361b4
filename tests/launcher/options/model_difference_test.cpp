#include "launcher/options/model_difference.hpp"

#include <gtest/gtest.h>

namespace trireme::options {
namespace {

/// The first difference of models that run files with these [model] sections store, as "key: one, other"; "" for none.
std::string difference(const std::string& one, const std::string& other) {
  const auto parsed = [](const std::string& text) { return parse_run_options("[model]\n" + text, "run.ini"); };
  const auto found = model_difference(parsed(one), parsed(other));
  return found ? found->key + ": " + found->one + ", " + found->other : "";
}

constexpr const char* kSmall = "arch = llama\nlayers = 2\nhidden = 64\nheads = 4\nsequence = 32\nvocab = 100\n";

TEST(ModelDifference, IsTheFirstKeyInTheOrderOfTheRunFile) {
  const std::string small = kSmall;
  EXPECT_EQ(difference(small, small), "");
  EXPECT_EQ(difference(small + "norm = layer\nrope_theta = 7", small + "rope_theta = 8"), "model.norm: layer, rms");
  EXPECT_EQ(difference("arch = gpt2", "arch = qwen"), "model.arch: gpt2, qwen");
}

TEST(ModelDifference, LeavesOutWhatSaysHowAModelWasTrained) {
  const std::string small = kSmall;
  EXPECT_EQ(difference(small + "dropout = 0.1\ninit_std = 0.5\ninit_from = elsewhere", small), "");
}

TEST(ModelDifference, CompletesPropertiesThatAreNotStored) {
  const std::string small = kSmall;
  EXPECT_EQ(difference(small, small + "kv_heads = 4\nnorm = rms\nffn_bias = false"), "");
  EXPECT_EQ(difference(small, small + "kv_heads = 2"), "model.kv_heads: 4, 2");
}

TEST(ModelDifference, IsUnknownWithoutAFamily) {
  EXPECT_EQ(difference("", ""), "");
  EXPECT_EQ(difference("arch = llama", ""), "model.arch: llama, (none)");
}

}  // namespace
}  // namespace trireme::options
