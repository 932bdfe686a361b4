// OLMo 2 (arXiv 2501.00656): norms of what attention and feed-forward add, and of all query and key heads together.
#include "models/spec/families/files.hpp"

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

std::vector<PublicTensor> patterns() {
  std::vector<PublicTensor> patterns = decoder_patterns();
  patterns.push_back({"model.layers.{}.post_attention_layernorm.weight", {"layers.{}.attention_post_norm.weight"}});
  patterns.push_back({"model.layers.{}.post_feedforward_layernorm.weight", {"layers.{}.ffn_post_norm.weight"}});
  return patterns;
}

}  // namespace

Family olmo2() {
  return {"olmo2", "OLMo 2: as llama, with norms of what each half adds, and of queries and keys over their width",
          defaults, presets, patterns};
}

}  // namespace trireme::spec
