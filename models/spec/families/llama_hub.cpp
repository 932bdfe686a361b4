// config.json of the models that the family llama has: Llama, Mistral, SmolLM3, Granite, StableLM, StarCoder 2.
#include <cmath>
#include <utility>

#include "models/spec/families/files.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/families/hub_layers.hpp"
#include "models/spec/families/hub_rotary.hpp"

namespace trireme::spec {
namespace {

using base::Json;

constexpr const char* kHeadSize = "null: hidden_size / num_attention_heads";
constexpr const char* kKeyHeads = "null: as many as heads";

ModelConfig llama_start(const Sizes& sizes) { return decoder("llama", sizes); }

ModelConfig layer_norm_start(const Sizes& sizes) {
  ModelConfig config = llama_start(sizes);
  config.norm = NormKind::kLayer;
  config.norm_bias = true;
  return config;
}

ModelConfig starcoder2_start(const Sizes& sizes) {
  ModelConfig config = layer_norm_start(sizes);
  config.ffn_gated = false;
  return config;
}

HubField key_heads(Json absent = nullptr) {
  return nullable(hub_size("num_key_value_heads", &ModelConfig::kv_heads, std::move(absent)), kKeyHeads);
}

HubField head_size() { return nullable(hub_size("head_dim", &ModelConfig::head_size), kHeadSize); }

HubField rms_eps() { return hub_number("rms_norm_eps", &ModelConfig::norm_eps, 1e-6); }

HubField attention_bias() { return hub_flag("attention_bias", {&ModelConfig::qkv_bias, &ModelConfig::o_bias}, false); }

HubField mlp_bias() { return hub_flag("mlp_bias", {&ModelConfig::ffn_bias}, false); }

HubField tied(bool absent) { return hub_flag("tie_word_embeddings", {&ModelConfig::tie_embeddings}, absent); }

HubField computed_in_parts() { return hub_ignored("pretraining_tp", "the same products, computed in parts"); }

void read_plain(HubReader& reader, ModelConfig& config) { read_rotary(reader, config); }

// ---- Llama ----

std::vector<HubField> llama_fields() {
  return with_rows(hub_decoder_fields(),
                   {key_heads(), head_size(), rms_eps(), attention_bias(), mlp_bias(), tied(false), computed_in_parts(),
                    hub_fixed("rope_interleaved", false, "a pair is elements i and i + half"),
                    hub_ignored("max_sequence_length", "max_position_embeddings is read instead"),
                    hub_fixed("is_llama_config", true, "the fields are Llama's")});
}

// ---- Mistral ----

std::vector<HubField> mistral_fields() {
  return with_rows(
      hub_decoder_fields(),
      {key_heads(8), head_size(), rms_eps(), tied(false),
       hub_code("sliding_window", "how many tokens each layer sees; null: all, absent: 4096"),
       hub_fixed("attention_bias", false, "there is none"), hub_fixed("mlp_bias", false, "there is none")});
}

/// The same window in all layers.
void read_window(HubReader& reader, ModelConfig& config, std::int64_t absent) {
  constexpr const char* kField = "sliding_window";
  config.window = {reader.find(kField) == nullptr ? absent : 0};
  if (!reader.missing(kField)) config.window = {reader.size(kField)};
}

void write_window(const ModelConfig& config, Json& json) {
  const std::int64_t width = widest_window(config);
  json["sliding_window"] = width > 0 ? Json(width) : Json(nullptr);
}

void read_mistral(HubReader& reader, ModelConfig& config) {
  read_rotary(reader, config);
  read_window(reader, config, 4096);
}

void write_mistral(const ModelConfig& config, Json& json) {
  write_rotary(config, json);
  write_window(config, json);
}

// ---- SmolLM3 ----

std::vector<HubField> smollm3_fields() {
  return with_rows(hub_decoder_fields(),
                   {key_heads(4), head_size(), rms_eps(), attention_bias(), mlp_bias(), tied(true),
                    hub_code("no_rope_layers", "1 for each layer with rotary positions, 0 for each without"),
                    hub_code("no_rope_layer_interval", "every so many layers one has none, without no_rope_layers"),
                    hub_code("use_sliding_window", "whether layers have windows"),
                    hub_code("sliding_window", "their width"), hub_code("layer_types", "which layers have a window"),
                    hub_ignored("max_window_layers", "nothing reads it"), computed_in_parts()});
}

/// Whether each layer has rotary positions.
std::vector<bool> read_turned(HubReader& reader, std::int64_t layers) {
  constexpr const char* kList = "no_rope_layers";
  constexpr const char* kInterval = "no_rope_layer_interval";
  const std::int64_t interval = reader.missing(kInterval) ? 4 : reader.size(kInterval);
  std::vector<bool> turned;
  if (reader.missing(kList)) {
    for (std::int64_t layer = 0; layer < layers; ++layer) turned.push_back((layer + 1) % interval != 0);
    return turned;
  }
  for (const std::int64_t each : reader.sizes(kList)) {
    if (each > 1) reader.refuse(kList, "a list of 0 and 1 is expected");
    turned.push_back(each == 1);
  }
  if (turned.size() < static_cast<std::size_t>(layers)) reader.refuse(kList, "it is shorter than num_hidden_layers");
  turned.resize(static_cast<std::size_t>(layers));
  return turned;
}

void read_smollm3(HubReader& reader, ModelConfig& config) {
  read_rotary(reader, config, 2e6);
  const std::vector<bool> turned = read_turned(reader, config.layers);
  const double theta = config.rope_theta.front();
  std::vector<double> thetas;
  for (const bool each : turned) thetas.push_back(each ? theta : 0);
  config.rope_theta = shortest(thetas);
  std::int64_t width = reader.missing("sliding_window") ? 0 : reader.size("sliding_window");
  if (reader.missing("use_sliding_window") || !reader.flag("use_sliding_window")) width = 0;
  const auto sliding = read_layer_types(
      reader, config.layers, [&](std::int64_t layer) { return width > 0 && !turned[static_cast<std::size_t>(layer)]; });
  set_windows(reader, "sliding_window with use_sliding_window = true", sliding, width, config);
}

void write_smollm3(const ModelConfig& config, Json& json) {
  write_rotary(config, json);
  Json turned = Json::array();
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    turned.push_back(at_layer(config.rope_theta, layer) != 0 ? 1 : 0);
  }
  json["no_rope_layers"] = turned;
  write_window(config, json);
  json["use_sliding_window"] = widest_window(config) > 0;
  json["layer_types"] = layer_types(config);
}

// ---- Granite ----

std::vector<HubField> granite_fields() {
  return with_rows(hub_decoder_fields(),
                   {key_heads(), head_size(), rms_eps(), attention_bias(), mlp_bias(), tied(false),
                    hub_number("embedding_multiplier", &ModelConfig::embedding_scale, 1.0),
                    hub_number("residual_multiplier", &ModelConfig::residual_scale, 1.0),
                    hub_number("attention_multiplier", &ModelConfig::attention_scale, 1.0),
                    hub_code("logits_scaling", "logits are divided by it")});
}

void read_granite(HubReader& reader, ModelConfig& config) {
  read_rotary(reader, config);
  const bool absent = reader.find("logits_scaling") == nullptr;
  config.head_scale = absent ? 1 : 1 / reader.number("logits_scaling");
}

void write_granite(const ModelConfig& config, Json& json) {
  write_rotary(config, json);
  if (config.attention_scale == 0) {
    json["attention_multiplier"] = 1 / std::sqrt(static_cast<double>(config.head_size));
  }
  json["logits_scaling"] = 1 / config.head_scale;
}

// ---- StableLM ----

std::vector<HubField> stablelm_fields() {
  std::vector<HubField> fields = hub_decoder_fields();
  std::erase_if(fields, [](const HubField& row) { return row.name == "partial_rotary_factor"; });
  return with_rows(std::move(fields),
                   {key_heads(32), head_size(), hub_number("layer_norm_eps", &ModelConfig::norm_eps, 1e-5), tied(false),
                    hub_flag("use_qkv_bias", {&ModelConfig::qkv_bias}, false),
                    hub_code("partial_rotary_factor", "the part of a head that is rotated; absent: 0.25"),
                    hub_fixed("qk_layernorm", false, "norms of heads are RMSNorm"),
                    hub_fixed("use_parallel_residual", false, "feed-forward follows attention"),
                    hub_ignored("rms_norm_eps", "layer_norm_eps is read instead"),
                    hub_ignored("hidden_dropout", "dropout is the run file's")});
}

void read_stablelm(HubReader& reader, ModelConfig& config) {
  if (config.head_size * config.heads != config.hidden) {
    reader.refuse("head_dim", "StableLM reads hidden_size / num_attention_heads instead");
  }
  read_rotary(reader, config, 10000, 0.25);
}

void write_stablelm(const ModelConfig& config, Json& json) {
  write_rotary(config, json);
  json["partial_rotary_factor"] = config.rope_fraction;
}

// ---- StarCoder 2 ----

std::vector<HubField> starcoder2_fields() {
  std::vector<HubField> fields =
      with_rows(hub_decoder_fields(),
                {key_heads(2), head_size(), hub_number("norm_epsilon", &ModelConfig::norm_eps, 1e-5), tied(true),
                 hub_flag("use_bias", {&ModelConfig::qkv_bias, &ModelConfig::o_bias, &ModelConfig::ffn_bias}, true),
                 hub_code("sliding_window", "how many tokens each layer sees; null or absent: all"),
                 hub_fixed("norm_type", "layer_norm", "norms are LayerNorm"),
                 hub_fixed("mlp_type", "default", "feed-forward has no gate"),
                 hub_fixed("scale_attn_weights", true, "scores are divided by sqrt(head size)"),
                 hub_ignored("rms_norm_eps", "norm_epsilon is read instead"),
                 hub_ignored("layer_norm_epsilon", "norm_epsilon is read instead"),
                 hub_ignored("attention_softmax_in_fp32", "it is here"),
                 hub_ignored("scale_attention_softmax_in_fp32", "it is here"),
                 hub_ignored("residual_dropout", "dropout is the run file's"),
                 hub_ignored("embedding_dropout", "dropout is the run file's")});
  for (HubField& row : fields) {
    if (row.name == "hidden_act") row.value = "gelu_pytorch_tanh";
    if (row.name == "initializer_range") row.value = 0.018042;
  }
  return fields;
}

void read_starcoder2(HubReader& reader, ModelConfig& config) {
  read_rotary(reader, config);
  read_window(reader, config, 0);
}

}  // namespace

std::vector<HubClass> llama_hub_classes() {
  return {
      {"llama", "LlamaForCausalLM", "LlamaModel", {}, llama_fields(), llama_start, read_plain, write_rotary, true},
      {"mistral", "MistralForCausalLM", "MistralModel", {}, mistral_fields(), llama_start, read_mistral, write_mistral},
      {"smollm3", "SmolLM3ForCausalLM", "SmolLM3Model", {}, smollm3_fields(), llama_start, read_smollm3, write_smollm3},
      {"granite", "GraniteForCausalLM", "GraniteModel", {}, granite_fields(), llama_start, read_granite, write_granite},
      {"stablelm",
       "StableLmForCausalLM",
       "StableLmModel",
       {},
       stablelm_fields(),
       layer_norm_start,
       read_stablelm,
       write_stablelm},
      {"starcoder2",
       "Starcoder2ForCausalLM",
       "Starcoder2Model",
       {},
       starcoder2_fields(),
       starcoder2_start,
       read_starcoder2,
       write_mistral}};
}

}  // namespace trireme::spec
