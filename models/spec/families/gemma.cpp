// Gemma 1 (arXiv 2403.08295): norms before each half. Gemma 2 (arXiv 2408.00118): norms around each half, alternating
// windows, soft caps. Gemma 3's text models (arXiv 2503.19786): five layers with a window and angles of their own for
// each one without, norms of query and key heads.
#include <algorithm>
#include <cmath>

#include "models/spec/families/files.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/families/hub_layers.hpp"
#include "models/spec/families/hub_rotary.hpp"

namespace trireme::spec {
namespace {

// Properties of all versions but the place of norms in the first.
ModelConfig common(const Sizes& sizes) {
  ModelConfig config = decoder("gemma", sizes);
  config.tie_embeddings = true;
  config.norm_unit_offset = true;
  config.norm_place = NormPlace::kAround;
  config.norm_eps = 1e-6;
  config.activation = Activation::kGeluTanh;
  config.embedding_scale = std::sqrt(static_cast<double>(sizes.hidden));
  return config;
}

// The defaults are those of Gemma 3.
ModelConfig defaults(const Sizes& sizes) {
  ModelConfig config = common(sizes);
  config.window = {512, 512, 512, 512, 512, 0};
  config.rope_theta = {10000, 10000, 10000, 10000, 10000, 1000000};
  config.qk_norm = QkNorm::kHead;
  return config;
}

ModelConfig gemma1_start(const Sizes& sizes) {
  ModelConfig config = common(sizes);
  config.norm_place = NormPlace::kBefore;
  return config;
}

struct Published {
  Sizes sizes;
  std::int64_t kv_heads;
  std::int64_t head_size;
  std::int64_t ffn;
};

ModelConfig sized(ModelConfig config, const Published& sizes) {
  config.kv_heads = sizes.kv_heads;
  config.head_size = sizes.head_size;
  config.ffn = sizes.ffn;
  return config;
}

ModelConfig gemma1(const Published& sizes) {
  ModelConfig config = sized(gemma1_start(sizes.sizes), sizes);
  config.sequence = 8192;
  config.vocab = 256000;
  return config;
}

ModelConfig gemma2(const Published& sizes) {
  ModelConfig config = sized(common(sizes.sizes), sizes);
  config.sequence = 8192;
  config.vocab = 256000;
  config.window = {4096, 0};
  config.attention_soft_cap = 50;
  config.head_soft_cap = 30;
  return config;
}

ModelConfig gemma3(const Published& sizes, std::int64_t vocab) {
  ModelConfig config = sized(defaults(sizes.sizes), sizes);
  config.sequence = 32768;
  config.vocab = vocab;
  return config;
}

std::vector<Preset> presets() {
  return {{"gemma-2b", gemma1({{18, 2048, 8}, 1, 256, 16384})},
          {"gemma-7b", gemma1({{28, 3072, 16}, 16, 256, 24576})},
          {"gemma2-2b", gemma2({{26, 2304, 8}, 4, 256, 9216})},
          {"gemma2-9b", gemma2({{42, 3584, 16}, 8, 256, 14336})},
          {"gemma3-270m", gemma3({{18, 640, 4}, 1, 256, 2048}, 262144)},
          {"gemma3-1b", gemma3({{26, 1152, 4}, 1, 256, 6912}, 262144)}};
}

// ---- config.json ----

std::vector<HubField> common_fields(std::int64_t usual_kv_heads) {
  return with_rows(
      hub_decoder_fields(),
      {hub_size("num_key_value_heads", &ModelConfig::kv_heads, usual_kv_heads),
       hub_size("head_dim", &ModelConfig::head_size, 256), hub_number("rms_norm_eps", &ModelConfig::norm_eps, 1e-6),
       hub_flag("attention_bias", {&ModelConfig::qkv_bias, &ModelConfig::o_bias}, false),
       hub_flag("tie_word_embeddings", {&ModelConfig::tie_embeddings}, true),
       hub_fixed("use_bidirectional_attention", false, "a token sees those before it")});
}

/// The rows that name the activation function and hold rotary positions are each version's own.
std::vector<HubField> without(std::vector<HubField> fields, const std::vector<std::string>& names) {
  std::erase_if(fields, [&](const HubField& row) { return std::ranges::count(names, row.name) > 0; });
  return fields;
}

// Gemma 1: hidden_act = gelu means gelu_pytorch_tanh, as its first release was corrected to.
std::vector<HubField> gemma1_fields() {
  return with_rows(without(common_fields(16), {"hidden_act"}),
                   {hub_code("hidden_act", "gelu means gelu_pytorch_tanh here, gelu_python the exact one"),
                    hub_code("hidden_activation", "the same as hidden_act, or null")});
}

Activation gemma1_activation(HubReader& reader, const char* field) {
  const std::string word = reader.word(field);
  if (word == "gelu") return Activation::kGeluTanh;
  const auto known = hub_activation_of(word);
  if (!known) reader.refuse(field, "it is no activation function that Trireme has");
  return *known;
}

void read_gemma1(HubReader& reader, ModelConfig& config) {
  config.activation = Activation::kGeluTanh;
  if (!reader.missing("hidden_act")) config.activation = gemma1_activation(reader, "hidden_act");
  if (!reader.missing("hidden_activation") && gemma1_activation(reader, "hidden_activation") != config.activation) {
    reader.refuse("hidden_activation", "hidden_act says another function: remove one of them");
  }
  read_rotary(reader, config);
}

void write_gemma1(const ModelConfig& config, base::Json& json) {
  write_rotary(config, json);
  json["hidden_act"] = "gelu_pytorch_tanh";
  if (config.activation == Activation::kGelu) json["hidden_act"] = "gelu_python";
  if (config.activation == Activation::kSilu) json["hidden_act"] = "silu";
  if (config.activation == Activation::kRelu) json["hidden_act"] = "relu";
}

std::vector<HubField> later_fields() {
  return with_rows(
      without(common_fields(4), {"hidden_act"}),
      {hub_activation("hidden_activation", "gelu_pytorch_tanh"),
       hub_ignored("hidden_act", "hidden_activation is read instead"),
       hub_code("query_pre_attn_scalar", "scores are divided by its square root"),
       hub_code("sliding_window", "width of the windows"), hub_code("layer_types", "which layers have a window")});
}

std::vector<HubField> gemma2_fields() {
  return with_rows(
      later_fields(),
      {nullable(hub_number("attn_logit_softcapping", &ModelConfig::attention_soft_cap, 50.0), "null: none"),
       nullable(hub_number("final_logit_softcapping", &ModelConfig::head_soft_cap, 30.0), "null: none"),
       hub_code("sliding_window_size", "a former name of sliding_window")});
}

std::vector<HubField> gemma3_fields() {
  return with_rows(
      without(later_fields(), {"rope_theta", "rope_scaling", "rope_parameters"}),
      with_rows({nullable(hub_number("attn_logit_softcapping", &ModelConfig::attention_soft_cap), "null: none"),
                 nullable(hub_number("final_logit_softcapping", &ModelConfig::head_soft_cap), "null: none"),
                 hub_code("sliding_window_pattern", "every so many layers one has no window"),
                 hub_code("_sliding_window_pattern", "the same, beside layer_types")},
                two_rotary_fields()));
}

void read_scale(HubReader& reader, ModelConfig& config) {
  constexpr const char* kField = "query_pre_attn_scalar";
  const double scalar = reader.find(kField) == nullptr ? 256 : reader.number(kField);
  const bool usual = scalar == static_cast<double>(config.head_size);
  config.attention_scale = usual ? 0 : 1 / std::sqrt(scalar);
}

/// Absent: 4096; null: 0.
std::int64_t read_width(HubReader& reader) {
  constexpr const char* kField = "sliding_window";
  if (reader.find(kField) == nullptr) return 4096;
  return reader.missing(kField) ? 0 : reader.size(kField);
}

void read_gemma2(HubReader& reader, ModelConfig& config) {
  read_rotary(reader, config);
  read_scale(reader, config);
  const std::int64_t width = read_width(reader);
  constexpr const char* kFormer = "sliding_window_size";
  if (!reader.missing(kFormer) && reader.size(kFormer) != width) {
    reader.refuse(kFormer, "sliding_window says another width: remove one of them");
  }
  const auto sliding = read_layer_types(reader, config.layers, [](std::int64_t layer) { return layer % 2 == 0; });
  set_windows(reader, "sliding_window", sliding, width, config);
}

void read_gemma3(HubReader& reader, ModelConfig& config) {
  read_scale(reader, config);
  constexpr const char* kPattern = "sliding_window_pattern";
  constexpr const char* kSecond = "_sliding_window_pattern";
  const std::int64_t pattern = reader.missing(kPattern) ? 6 : reader.size(kPattern);
  const bool second = !reader.missing(kSecond);
  if (reader.missing("layer_types") && second && reader.size(kSecond) != pattern) {
    reader.refuse(kSecond, "transformers does not read it: say it as layer_types");
  }
  const auto sliding =
      read_layer_types(reader, config.layers, [&](std::int64_t layer) { return (layer + 1) % pattern != 0; });
  set_windows(reader, "sliding_window", sliding, read_width(reader), config);
  read_two_rotaries(reader, config, sliding);
}

void write_later(const ModelConfig& config, base::Json& json) {
  const double scale = config.attention_scale;
  json["query_pre_attn_scalar"] = scale > 0 ? std::llround(std::min(1 / (scale * scale), 1e9)) : config.head_size;
  for (const char* cap : {"attn_logit_softcapping", "final_logit_softcapping"}) {
    if (json[cap] == 0.0) json[cap] = nullptr;
  }
  const std::int64_t width = widest_window(config);
  json["sliding_window"] = width > 0 ? base::Json(width) : base::Json(4096);
  json["layer_types"] = layer_types(config);
}

void write_gemma2(const ModelConfig& config, base::Json& json) {
  write_rotary(config, json);
  write_later(config, json);
}

void write_gemma3(const ModelConfig& config, base::Json& json) {
  write_two_rotaries(config, json);
  write_later(config, json);
}

std::vector<HubClass> hub_classes() {
  return {{"gemma3_text",
           "Gemma3ForCausalLM",
           "Gemma3TextModel",
           {},
           gemma3_fields(),
           defaults,
           read_gemma3,
           write_gemma3,
           true},
          {"gemma2", "Gemma2ForCausalLM", "Gemma2Model", {}, gemma2_fields(), common, read_gemma2, write_gemma2, true},
          {"gemma", "GemmaForCausalLM", "GemmaModel", {}, gemma1_fields(), gemma1_start, read_gemma1, write_gemma1}};
}

}  // namespace

Family gemma() {
  return {"gemma",
          "Gemma 1 to 3 (text): norms around each half (Gemma 1: before) with 1 + weight, GeGLU, windows, scaled "
          "embeddings; Gemma 3 (the "
          "default) norms query and key heads, Gemma 2 (presets) has soft caps",
          defaults,
          presets,
          decoder_patterns,
          hub_classes,
          decoder_hub_names};
}

}  // namespace trireme::spec
