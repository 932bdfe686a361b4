#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/families/hub_config.hpp"
#include "models/spec/families/hub_layers.hpp"
#include "tests/models/spec/families/differences.hpp"
#include "tests/models/spec/families/hub_page.hpp"

namespace trireme::spec {
namespace {

using base::Json;
using ::testing::HasSubstr;

ModelConfig read(const Json& json) { return read_hub_config(json, "config.json"); }

std::string write_refusal(const ModelConfig& config) {
  try {
    write_hub_config(config);
  } catch (const base::InputError& error) {
    return error.what();
  }
  return "accepted";
}

/// A model that the class can say, drawn property by property.
class Draw {
 public:
  explicit Draw(unsigned seed) : random_(seed) {}

  std::int64_t below(std::int64_t limit) { return std::uniform_int_distribution<std::int64_t>(0, limit - 1)(random_); }
  bool coin() { return below(2) == 0; }
  template <typename Value>
  Value of(std::initializer_list<Value> values) {
    return *(values.begin() + below(static_cast<std::int64_t>(values.size())));
  }

 private:
  std::mt19937 random_;
};

void draw_rotary(Draw& draw, ModelConfig& config) {
  config.rope_theta = {draw.of({100.0, 12345.678, 5e6})};
  const RopeScaling scaling =
      draw.of({RopeScaling::kNone, RopeScaling::kLinear, RopeScaling::kLlama3, RopeScaling::kYarn});
  config.rope_scaling = {scaling};
  if (scaling != RopeScaling::kNone) config.rope_factor = draw.of({2.0, 5.5});
  if (scaling == RopeScaling::kLlama3 || scaling == RopeScaling::kYarn) config.rope_original_sequence = 40;
  if (scaling == RopeScaling::kLlama3) {
    config.rope_low_frequency = draw.of({0.5, 1.0});
    config.rope_high_frequency = draw.of({2.0, 4.0});
  }
  if (scaling == RopeScaling::kYarn) {
    config.rope_beta_fast = draw.of({32.0, 3.5});
    config.rope_beta_slow = draw.of({1.0, 0.25});
    config.rope_attention_factor = draw.of({0.0, 1.17});
  }
}

PerLayer<std::int64_t> drawn_windows(Draw& draw, std::int64_t layers) {
  std::vector<std::int64_t> windows;
  for (std::int64_t layer = 0; layer < layers; ++layer) windows.push_back(draw.coin() ? 7 : 0);
  return shortest(windows);
}

/// Draws a model like those of model type `type`.
ModelConfig drawn(Draw& draw, const std::string& type) {
  const bool bert = type == "bert", gpt2 = type == "gpt2", gemma = type.starts_with("gemma");
  const bool qwen = type.starts_with("qwen");
  ModelConfig config = defaults_of(bert || gpt2      ? type
                                   : gemma           ? "gemma"
                                   : qwen            ? "qwen"
                                   : type == "olmo2" ? type
                                                     : "llama",
                                   {1 + draw.below(7), 24, 4});
  config.vocab = 1 + draw.below(1000);
  config.ffn = 1 + draw.below(99);
  config.sequence = 16 + draw.below(99);
  config.tie_embeddings = draw.coin();
  config.norm_eps = draw.of({1e-5, 1e-6, 3e-12});
  config.init_std = draw.of({0.02, 0.041666666666666664});
  config.activation = draw.of({Activation::kGelu, Activation::kGeluTanh, Activation::kSilu, Activation::kRelu});
  config.dropout = draw.of({0.0, 0.1});
  if (bert) {
    config.token_types = 1 + draw.below(3);
    config.lm_head = draw.coin();
    config.pooler = draw.coin();
    return config;
  }
  if (gpt2) {
    config.attention_scale = draw.of({0.0, 1.0});
    return config;
  }
  config.kv_heads = draw.of({1, 2, 4});
  if (type != "stablelm") config.head_size = draw.of({4, 6, 10});
  config.qkv_bias = config.o_bias = draw.coin();
  config.lm_head = draw.below(4) != 0;
  if (!config.lm_head) config.tie_embeddings = false;
  if (type == "gemma3_text") {
    config.window = drawn_windows(draw, config.layers);
    std::vector<double> thetas;
    std::vector<RopeScaling> scalings;
    const RopeScaling scaling = draw.of({RopeScaling::kNone, RopeScaling::kLinear});
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
      const bool slides = at_layer(config.window, layer) != 0;
      thetas.push_back(slides ? 30 : 500);
      scalings.push_back(slides ? RopeScaling::kNone : scaling);
    }
    config.rope_theta = shortest(thetas);
    config.rope_scaling = shortest(scalings);
    if (std::ranges::count(config.rope_scaling, RopeScaling::kLinear) > 0) config.rope_factor = 8;
    config.head_soft_cap = draw.of({0.0, 3.0});
  } else {
    draw_rotary(draw, config);
  }
  if (type == "gemma2" || type == "gemma") {
    config.qk_norm = QkNorm::kNone;
    config.window = {0};
  }
  if (type == "gemma") config.norm_place = NormPlace::kBefore;
  if (type == "gemma2") {
    config.window = drawn_windows(draw, config.layers);
    config.attention_soft_cap = draw.of({0.0, 50.0});
  }
  if (type == "gemma2" || type == "gemma3_text") config.attention_scale = draw.of({0.0, 1 / std::sqrt(14.0)});
  if (qwen || type == "smollm3") config.window = drawn_windows(draw, config.layers);
  if (type == "qwen2") {
    config.qk_norm = QkNorm::kNone;
    config.qkv_bias = true;
    config.o_bias = false;
  }
  if (type == "mistral" || type == "starcoder2") config.window = {draw.of({0, 7})};
  if (type == "mistral" || type == "stablelm") config.o_bias = false;
  if (type == "mistral") config.qkv_bias = false;
  if (type == "llama" || type == "granite" || type == "smollm3") config.ffn_bias = draw.coin();
  if (type == "smollm3" && config.layers > 1) {
    std::vector<double> thetas;
    for (std::int64_t layer = 0; layer < config.layers; ++layer) {
      thetas.push_back(layer == 0 || draw.coin() ? config.rope_theta.front() : 0);
    }
    config.rope_theta = shortest(thetas);
  }
  if (type == "granite") {
    config.embedding_scale = 12;
    config.residual_scale = 0.22;
    config.attention_scale = draw.of({0.0, 0.11, 1.0});
    config.head_scale = draw.of({1.0 / 7, 0.3});
  }
  if (type == "stablelm" || type == "starcoder2") {
    config.norm = NormKind::kLayer;
    config.norm_bias = true;
  }
  if (type == "stablelm") {
    config.head_size = config.hidden / config.heads;
    config.rope_fraction = draw.of({1.0, 0.7});
  }
  if (type == "starcoder2") {
    config.ffn_gated = false;
    config.ffn_bias = config.qkv_bias;
  }
  return config;
}

TEST(WriteHubConfig, IsReadAsTheSameModel) {
  constexpr unsigned kSeed = 20260301;
  Draw draw(kSeed);
  for (const std::string& type : hub_model_types()) {
    for (int i = 0; i < 60; ++i) {
      ModelConfig config = drawn(draw, type);
      const Json json = write_hub_config(config);
      ModelConfig again = read(json);
      config.dropout = 0;
      if (type == "bert") again.pooler = config.pooler;
      for (double ModelConfig::*key : {&ModelConfig::attention_scale, &ModelConfig::head_scale}) {
        if (std::abs(again.*key - config.*key) < 1e-15) again.*key = config.*key;
      }
      if (json["attention_multiplier"] == 1 / std::sqrt(static_cast<double>(config.head_size)))
        again.attention_scale = 0;
      ASSERT_EQ(differences(again, config), std::vector<std::string>{})
          << "seed " << kSeed << ' ' << type << ' ' << json;
      // And what was read is written as it was.
      ModelConfig read_again = read(json);
      read_again.dropout = json.value("resid_pdrop", json.value("hidden_dropout_prob", 0.0));
      read_again.pooler = again.pooler;
      EXPECT_EQ(write_hub_config(read_again), json);
    }
  }
}

TEST(WriteHubConfig, EveryPresetHasOne) {
  for (const std::string& name : preset_names()) {
    const ModelConfig config = *preset(name);
    const ModelConfig again = read(write_hub_config(config));
    EXPECT_EQ(make_plan(again), make_plan(config)) << name;
  }
}

TEST(HubPage, IsWhatDocsHold) {
  const std::string page = base::PosixFileSystem().read_all(TRIREME_SOURCE_DIR "/docs/hub_fields.md");
  EXPECT_TRUE(page == hub_page()) << "regenerate: build/tests/hub_page > docs/hub_fields.md";
}

TEST(WriteHubConfig, AModelOfOneFamilyMayBeAClassOfAnother) {
  ModelConfig config = defaults_of("llama", {2, 24, 4});
  config.vocab = 9;
  config.qk_norm = QkNorm::kHead;
  EXPECT_EQ(write_hub_config(config)["model_type"], "qwen3");
}

TEST(WriteHubConfig, RefusesWhatNoClassHas) {
  ModelConfig config = defaults_of("gpt2", {2, 24, 4});
  config.vocab = 9;
  config.qk_norm = QkNorm::kHead;
  EXPECT_THAT(write_refusal(config), HasSubstr("no public class of the family gpt2 (GPT2LMHeadModel) has "
                                               "model.qk_norm = head, so config.json cannot say it"));
  config = defaults_of("llama", {3, 24, 4});
  config.vocab = 9;
  config.window = {5, 3, 0};
  EXPECT_THAT(write_refusal(config), HasSubstr("model.window = 5, 3, 0"));
  config = defaults_of("gemma", {3, 20, 3});
  config.vocab = 9;
  config.head_size = 4;
  EXPECT_THAT(write_refusal(config), HasSubstr("Gemma3ForCausalLM wants model.heads = 3 to divide model.hidden = 20"));
}

}  // namespace
}  // namespace trireme::spec
