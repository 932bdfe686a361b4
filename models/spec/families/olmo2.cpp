// OLMo 2 (arXiv 2501.00656): norms of what attention and feed-forward add, and of all query and key heads together.
#include "models/spec/families/files.hpp"
#include "models/spec/families/hub_class.hpp"
#include "models/spec/families/hub_rotary.hpp"

namespace trireme::spec {
namespace {

ModelConfig defaults(const Sizes& sizes) {
  ModelConfig config = decoder("olmo2", sizes);
  config.norm_place = NormPlace::kAfterBranch;
  config.norm_eps = 1e-6;
  config.rope_theta = {500000};
  config.qk_norm = QkNorm::kWidth;
  return config;
}

Preset published(const char* name, const Sizes& sizes, std::int64_t ffn) {
  Preset preset{name, defaults(sizes)};
  preset.config.ffn = ffn;
  preset.config.sequence = 4096;
  preset.config.vocab = 100352;
  return preset;
}

std::vector<Preset> presets() {
  return {published("olmo2-1b", {16, 2048, 16}, 8192), published("olmo2-7b", {32, 4096, 32}, 11008),
          published("olmo2-13b", {40, 5120, 40}, 13824)};
}

std::vector<HubField> fields() {
  return with_rows(hub_decoder_fields(),
                   {nullable(hub_size("num_key_value_heads", &ModelConfig::kv_heads), "null: as many as heads"),
                    nullable(hub_size("head_dim", &ModelConfig::head_size), "null: hidden_size / num_attention_heads"),
                    hub_number("rms_norm_eps", &ModelConfig::norm_eps, 1e-5),
                    hub_flag("attention_bias", {&ModelConfig::qkv_bias, &ModelConfig::o_bias}, false),
                    hub_fixed("mlp_bias", false, "there is none"),
                    hub_flag("tie_word_embeddings", {&ModelConfig::tie_embeddings}, false)});
}

std::vector<HubClass> hub_classes() {
  const auto read = [](HubReader& reader, ModelConfig& config) { read_rotary(reader, config); };
  return {{"olmo2", "Olmo2ForCausalLM", "Olmo2Model", {}, fields(), defaults, read, write_rotary}};
}

}  // namespace

Family olmo2() {
  return {
      "olmo2",          "OLMo 2: as llama, with norms of what each half adds, and of queries and keys over their width",
      defaults,         presets,
      decoder_patterns, hub_classes,
      decoder_hub_names};
}

}  // namespace trireme::spec
