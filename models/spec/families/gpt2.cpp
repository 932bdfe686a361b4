// GPT-2 (Radford et al., "Language models are unsupervised multitask learners", 2019).
#include "models/spec/families/files.hpp"

namespace trireme::spec {
namespace {

ModelConfig defaults(const Sizes& sizes) {
  ModelConfig config = decoder("gpt2", sizes);
  config.ffn = 4 * sizes.hidden;
  config.tie_embeddings = true;
  config.norm = NormKind::kLayer;
  config.norm_bias = true;
  config.positions = Positions::kLearned;
  config.qkv_bias = true;
  config.o_bias = true;
  config.ffn_gated = false;
  config.activation = Activation::kGeluTanh;
  config.ffn_bias = true;
  return config;
}

Preset published(const char* name, const Sizes& sizes) {
  Preset preset{name, defaults(sizes)};
  preset.config.vocab = 50257;
  return preset;
}

std::vector<Preset> presets() {
  return {published("gpt2-124m", {12, 768, 12}), published("gpt2-355m", {24, 1024, 16}),
          published("gpt2-774m", {36, 1280, 20}), published("gpt2-1.5b", {48, 1600, 25})};
}

std::vector<PublicTensor> patterns() {
  std::vector<PublicTensor> patterns = {{"transformer.wte.weight", {"embed.tokens"}},
                                        {"transformer.wpe.weight", {"embed.positions"}},
                                        {"lm_head.weight", {"head.weight"}}};
  for (const std::string kind : {".weight", ".bias"}) {
    const bool matrix = kind == ".weight";
    const std::string ours = "layers.{}.", theirs = "transformer.h.{}.";
    patterns.push_back({theirs + "ln_1" + kind, {ours + "attention_norm" + kind}});
    patterns.push_back({theirs + "attn.c_attn" + kind,
                        {ours + "attention.q" + kind, ours + "attention.k" + kind, ours + "attention.v" + kind},
                        matrix});
    patterns.push_back({theirs + "attn.c_proj" + kind, {ours + "attention.o" + kind}, matrix});
    patterns.push_back({theirs + "ln_2" + kind, {ours + "ffn_norm" + kind}});
    patterns.push_back({theirs + "mlp.c_fc" + kind, {ours + "ffn.up" + kind}, matrix});
    patterns.push_back({theirs + "mlp.c_proj" + kind, {ours + "ffn.down" + kind}, matrix});
    patterns.push_back({"transformer.ln_f" + kind, {"final_norm" + kind}});
  }
  return patterns;
}

}  // namespace

Family gpt2() {
  return {"gpt2", "GPT-2: learned positions, LayerNorm, GELU, biases, tied embeddings", defaults, presets, patterns};
}

}  // namespace trireme::spec
