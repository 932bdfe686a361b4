#include <algorithm>
#include <unordered_map>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/families/family.hpp"
#include "models/spec/families/files.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::spec {
namespace {

std::string at_layer(std::string pattern, std::int64_t layer) {
  const std::size_t hole = pattern.find("{}");
  if (hole != std::string::npos) pattern.replace(hole, 2, std::to_string(layer));
  return pattern;
}

PublicTensor at_layer(const PublicTensor& pattern, std::int64_t layer) {
  PublicTensor tensor{at_layer(pattern.name, layer), {}, pattern.transposed};
  for (const std::string& part : pattern.parts) tensor.parts.push_back(at_layer(part, layer));
  return tensor;
}

}  // namespace

const std::vector<Family>& families() {
  static const std::vector<Family> all = {gpt2(), llama(), qwen(), gemma(), olmo2(), bert()};
  return all;
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family& each : families()) names.emplace_back(each.name);
  return names;
}

const Family& family(const std::string& name) {
  for (const Family& each : families()) {
    if (name == each.name) return each;
  }
  throw base::InputError(
      base::str("model.arch = ", name, " is no family of models (known: ", base::join(family_names(), ", "), ")"));
}

ModelConfig defaults_of(const std::string& family_name, const Sizes& sizes) {
  return family(family_name).defaults(sizes);
}

std::optional<ModelConfig> preset(const std::string& name) {
  for (const Family& each : families()) {
    for (Preset& known : each.presets()) {
      if (name == known.name) return std::move(known.config);
    }
  }
  return std::nullopt;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Family& each : families()) {
    for (const Preset& known : each.presets()) names.push_back(known.name);
  }
  return names;
}

std::vector<PublicTensor> public_tensors(const ModelPlan& plan) {
  std::unordered_map<std::string, std::size_t> places;  // in the order of the forward pass
  for (const LogicalTensor& tensor : logical_tensors(plan)) places.emplace(tensor.name, places.size());
  std::vector<std::pair<std::size_t, PublicTensor>> found;
  const auto take = [&](PublicTensor tensor) {
    const auto place = places.find(tensor.parts.front());
    if (place != places.end()) found.emplace_back(place->second, std::move(tensor));
  };
  for (const PublicTensor& pattern : family(plan.family).patterns(plan)) {
    if (pattern.name.find("{}") == std::string::npos) {
      take(pattern);
    } else {
      for (std::int64_t layer = 0; layer < plan.layer_count(); ++layer) take(at_layer(pattern, layer));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<PublicTensor> tensors;
  for (auto& [at, tensor] : found) tensors.push_back(std::move(tensor));
  return tensors;
}

std::int64_t gated_width(std::int64_t hidden) {
  constexpr std::int64_t kMultiple = 256;
  const std::int64_t width = (8 * hidden + 2) / 3;
  return (width + kMultiple - 1) / kMultiple * kMultiple;
}

ModelConfig decoder(const std::string& family_name, const Sizes& sizes) {
  ModelConfig config;
  config.arch = family_name;
  config.layers = sizes.layers;
  config.hidden = sizes.hidden;
  config.heads = sizes.heads;
  config.kv_heads = sizes.heads;
  config.head_size = sizes.hidden % sizes.heads == 0 ? sizes.hidden / sizes.heads : 0;
  config.ffn = gated_width(sizes.hidden);
  config.sequence = 1024;
  config.init_std = 0.02;
  config.norm_eps = 1e-5;
  config.final_norm = true;
  config.positions = Positions::kRotary;
  config.rope_theta = {10000};
  config.rope_scaling = {RopeScaling::kNone};
  config.rope_factor = 1;
  config.rope_low_frequency = 1;
  config.rope_high_frequency = 4;
  config.rope_beta_fast = 32;
  config.rope_beta_slow = 1;
  config.rope_fraction = 1;
  config.window = {0};
  config.ffn_gated = true;
  config.activation = Activation::kSilu;
  config.embedding_scale = 1;
  config.residual_scale = 1;
  config.lm_head = true;
  config.head_scale = 1;
  return config;
}

namespace {

void add_with_bias(std::vector<PublicTensor>& patterns, const std::string& theirs, const std::string& ours) {
  for (const std::string kind : {".weight", ".bias"}) patterns.push_back({theirs + kind, {ours + kind}});
}

/// Each name with the logical one.
std::vector<std::pair<std::string, std::string>> norm_names(NormPlace place) {
  switch (place) {
    case NormPlace::kBefore: return {{"input_layernorm", "attention_norm"}, {"post_attention_layernorm", "ffn_norm"}};
    case NormPlace::kAround:
      return {{"input_layernorm", "attention_norm"},
              {"post_attention_layernorm", "attention_post_norm"},
              {"pre_feedforward_layernorm", "ffn_norm"},
              {"post_feedforward_layernorm", "ffn_post_norm"}};
    case NormPlace::kAfterBranch:
      return {{"post_attention_layernorm", "attention_post_norm"}, {"post_feedforward_layernorm", "ffn_post_norm"}};
    case NormPlace::kAfterResidual: break;  // in no public decoder
  }
  return {};
}

}  // namespace

std::vector<PublicTensor> decoder_patterns(const ModelPlan& plan) {
  const LayerSpec& layer = plan.layers.front();
  const std::string theirs = "model.layers.{}.", ours = "layers.{}.";
  std::vector<PublicTensor> patterns = {{"model.embed_tokens.weight", {"embed.tokens"}},
                                        {"lm_head.weight", {"head.weight"}}};
  add_with_bias(patterns, "model.norm", "final_norm");
  for (const auto& [their_norm, our_norm] : norm_names(layer.norm_place)) {
    add_with_bias(patterns, theirs + their_norm, ours + our_norm);
  }
  for (const std::string part : {"q", "k", "v", "o"}) {
    add_with_bias(patterns, theirs + "self_attn." + part + "_proj", ours + "attention." + part);
  }
  for (const std::string part : {"q", "k"}) {
    patterns.push_back({theirs + "self_attn." + part + "_norm.weight", {ours + "attention." + part + "_norm.weight"}});
  }
  if (layer.feed_forward.gated) {
    for (const std::string part : {"gate", "up", "down"}) {
      add_with_bias(patterns, theirs + "mlp." + part + "_proj", ours + "ffn." + part);
    }
  } else {
    add_with_bias(patterns, theirs + "mlp.c_fc", ours + "ffn.up");
    add_with_bias(patterns, theirs + "mlp.c_proj", ours + "ffn.down");
  }
  return patterns;
}

HubNames decoder_hub_names() {
  return {"model.",
          {"model.layers.{}.self_attn.rotary_emb.inv_freq", "model.rotary_emb.inv_freq"},
          {},
          {{"lm_head.weight", {"embed.tokens"}}},
          {}};
}

}  // namespace trireme::spec
