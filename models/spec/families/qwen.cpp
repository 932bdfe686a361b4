// Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): biases of queries, keys and values. Qwen 3 (arXiv 2505.09388): a norm
// of each query and key head instead, and heads of a size of their own.
#include "models/spec/families/files.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/families/hub_layers.hpp"
#include "models/spec/families/hub_rotary.hpp"

namespace trireme::spec {
namespace {

// The defaults are those of Qwen 3.
ModelConfig defaults(const Sizes& sizes) {
  ModelConfig config = decoder("qwen", sizes);
  config.norm_eps = 1e-6;
  config.rope_theta = {1000000};
  config.qk_norm = QkNorm::kHead;
  return config;
}

struct Published {
  Sizes sizes;
  std::int64_t kv_heads;
  std::int64_t ffn;
  std::int64_t vocab;
  bool tied = false;
};

ModelConfig config_of(const Published& sizes) {
  ModelConfig config = defaults(sizes.sizes);
  config.kv_heads = sizes.kv_heads;
  config.ffn = sizes.ffn;
  config.vocab = sizes.vocab;
  config.tie_embeddings = sizes.tied;
  return config;
}

ModelConfig qwen2(const Published& sizes, std::int64_t sequence) {
  ModelConfig config = config_of(sizes);
  config.sequence = sequence;
  config.qk_norm = QkNorm::kNone;
  config.qkv_bias = true;
  return config;
}

ModelConfig qwen3(const Published& sizes) {
  ModelConfig config = config_of(sizes);
  config.sequence = 32768;
  config.head_size = 128;
  return config;
}

// clang-format off
std::vector<Preset> presets() {
  return {{"qwen2.5-0.5b", qwen2({{24, 896, 14}, 2, 4864, 151936, true}, 32768)},
          {"qwen2.5-1.5b", qwen2({{28, 1536, 12}, 2, 8960, 151936, true}, 32768)},
          {"qwen2.5-7b", qwen2({{28, 3584, 28}, 4, 18944, 152064}, 32768)},
          {"qwen3-0.6b", qwen3({{28, 1024, 16}, 8, 3072, 151936, true})},
          {"qwen3-1.7b", qwen3({{28, 2048, 16}, 8, 6144, 151936, true})},
          {"qwen3-8b", qwen3({{36, 4096, 32}, 8, 12288, 151936})}};
}
// clang-format on

// ---- config.json ----

ModelConfig qwen2_start(const Sizes& sizes) {
  ModelConfig config = defaults(sizes);
  config.qk_norm = QkNorm::kNone;
  config.qkv_bias = true;
  return config;
}

std::vector<HubField> common_fields() {
  return with_rows(
      hub_decoder_fields(),
      {nullable(hub_size("num_key_value_heads", &ModelConfig::kv_heads, 32), "null: as many as heads"),
       hub_number("rms_norm_eps", &ModelConfig::norm_eps, 1e-6),
       hub_flag("tie_word_embeddings", {&ModelConfig::tie_embeddings}, false),
       hub_code("use_sliding_window", "whether layers have windows"), hub_code("sliding_window", "their width"),
       hub_code("max_window_layers", "the first layer with a window, where layer_types says nothing"),
       hub_code("layer_types", "which layers have a window"),
       hub_fixed("use_mrope", false, "positions are those of text"), hub_fixed("mlp_bias", false, "there is none")});
}

std::vector<HubField> qwen2_fields() {
  return with_rows(common_fields(), {nullable(hub_size("head_dim", &ModelConfig::head_size),
                                              "null: hidden_size / num_attention_heads")});
}

std::vector<HubField> qwen3_fields() {
  return with_rows(common_fields(),
                   {hub_size("head_dim", &ModelConfig::head_size, 128),
                    hub_flag("attention_bias", {&ModelConfig::qkv_bias, &ModelConfig::o_bias}, false)});
}

void read(HubReader& reader, ModelConfig& config) {
  read_rotary(reader, config);
  std::int64_t width = reader.missing("sliding_window") ? 0 : reader.size("sliding_window");
  if (reader.find("sliding_window") == nullptr) width = 4096;
  if (reader.missing("use_sliding_window") || !reader.flag("use_sliding_window")) width = 0;
  const std::int64_t first = reader.missing("max_window_layers") ? 28 : reader.size("max_window_layers", 0);
  const auto sliding =
      read_layer_types(reader, config.layers, [&](std::int64_t layer) { return width > 0 && layer >= first; });
  set_windows(reader, "sliding_window with use_sliding_window = true", sliding, width, config);
}

void write(const ModelConfig& config, base::Json& json) {
  write_rotary(config, json);
  const std::int64_t width = widest_window(config);
  json["use_sliding_window"] = width > 0;
  json["sliding_window"] = width > 0 ? base::Json(width) : base::Json(nullptr);
  json["layer_types"] = layer_types(config);
}

std::vector<HubClass> hub_classes() {
  return {{"qwen3", "Qwen3ForCausalLM", "Qwen3Model", {}, qwen3_fields(), defaults, read, write},
          {"qwen2", "Qwen2ForCausalLM", "Qwen2Model", {}, qwen2_fields(), qwen2_start, read, write}};
}

}  // namespace

Family qwen() {
  return {"qwen",
          "Qwen 2, 2.5 and 3: as llama; Qwen 3 (the default) norms query and key heads, Qwen 2 and 2.5 (presets) have "
          "biases of queries, keys and values",
          defaults,
          presets,
          decoder_patterns,
          hub_classes,
          decoder_hub_names};
}

}  // namespace trireme::spec
