// GPT-2 (Radford et al., "Language models are unsupervised multitask learners", 2019).
#include "models/spec/families/files.hpp"
#include "models/spec/families/hub_class.hpp"

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

std::vector<PublicTensor> patterns(const ModelPlan&) {
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

// ---- config.json ----

std::vector<HubField> fields() {
  return {hub_size("vocab_size", &ModelConfig::vocab),
          hub_size("n_positions", &ModelConfig::sequence),
          hub_size("n_embd", &ModelConfig::hidden),
          hub_size("n_layer", &ModelConfig::layers),
          hub_size("n_head", &ModelConfig::heads),
          nullable(hub_size("n_inner", &ModelConfig::ffn), "null: 4 n_embd"),
          hub_activation("activation_function", "gelu_new"),
          hub_number("layer_norm_epsilon", &ModelConfig::norm_eps, 1e-5),
          hub_number("initializer_range", &ModelConfig::init_std, 0.02),
          hub_flag("tie_word_embeddings", {&ModelConfig::tie_embeddings}, true),
          hub_code("scale_attn_weights", "false: scores are not divided by sqrt(head size)"),
          hub_fixed("scale_attn_by_inverse_layer_idx", false, "all layers scale their scores alike"),
          hub_ignored("reorder_and_upcast_attn", "the same products, with another rounding in fp16"),
          hub_ignored("resid_pdrop", "dropout is the run file's"),
          hub_ignored("embd_pdrop", "dropout is the run file's"),
          hub_ignored("attn_pdrop", "attention's probabilities have no dropout here"),
          hub_ignored("n_ctx", "a former name of n_positions that nothing reads"),
          hub_ignored("n_special", "nothing reads it"),
          hub_ignored("predict_special_tokens", "nothing reads it"),
          hub_ignored("summary_type", "a head of classifiers"),
          hub_ignored("summary_use_proj", "a head of classifiers"),
          hub_ignored("summary_activation", "a head of classifiers"),
          hub_ignored("summary_proj_to_labels", "a head of classifiers"),
          hub_ignored("summary_first_dropout", "a head of classifiers")};
}

void read(HubReader& reader, ModelConfig& config) {
  const bool unscaled = !reader.missing("scale_attn_weights") && !reader.flag("scale_attn_weights");
  config.attention_scale = unscaled ? 1 : 0;
}

void write(const ModelConfig& config, base::Json& json) {
  if (config.activation == Activation::kGeluTanh) json["activation_function"] = "gelu_new";
  json["scale_attn_weights"] = config.attention_scale != 1;
  json["resid_pdrop"] = config.dropout;
  json["embd_pdrop"] = config.dropout;
  json["attn_pdrop"] = 0.0;
}

std::vector<HubClass> hub_classes() {
  return {{"gpt2", "GPT2LMHeadModel", "GPT2Model", {}, fields(), defaults, read, write}};
}

HubNames hub_names() {
  return {"transformer.",
          {"transformer.h.{}.attn.bias", "transformer.h.{}.attn.masked_bias"},
          {},
          {{"lm_head.weight", {"embed.tokens"}}},
          {}};
}

}  // namespace

Family gpt2() {
  return {"gpt2",   "GPT-2: learned positions, LayerNorm, GELU, biases, tied embeddings",
          defaults, presets,
          patterns, hub_classes,
          hub_names};
}

}  // namespace trireme::spec
