// Gemma 2 (arXiv 2408.00118): norms around each half, alternating windows, soft caps. Gemma 3's text models (arXiv
// 2503.19786): five layers with a window and angles of their own for each one without, norms of query and key heads.
#include <cmath>

#include "models/spec/families/files.hpp"

namespace trireme::spec {
namespace {

// Properties of both versions.
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
  return {{"gemma2-2b", gemma2({{26, 2304, 8}, 4, 256, 9216})},
          {"gemma2-9b", gemma2({{42, 3584, 16}, 8, 256, 14336})},
          {"gemma3-270m", gemma3({{18, 640, 4}, 1, 256, 2048}, 262144)},
          {"gemma3-1b", gemma3({{26, 1152, 4}, 1, 256, 6912}, 262144)}};
}

std::vector<PublicTensor> patterns() {
  std::vector<PublicTensor> patterns = decoder_patterns();
  patterns.push_back({"model.layers.{}.input_layernorm.weight", {"layers.{}.attention_norm.weight"}});
  patterns.push_back({"model.layers.{}.post_attention_layernorm.weight", {"layers.{}.attention_post_norm.weight"}});
  patterns.push_back({"model.layers.{}.pre_feedforward_layernorm.weight", {"layers.{}.ffn_norm.weight"}});
  patterns.push_back({"model.layers.{}.post_feedforward_layernorm.weight", {"layers.{}.ffn_post_norm.weight"}});
  return patterns;
}

}  // namespace

Family gemma() {
  return {
      "gemma",
      "Gemma 2 and 3 (text): norms around each half with 1 + weight, GeGLU, windows, scaled embeddings; Gemma 3 (the "
      "default) norms query and key heads, Gemma 2 (presets) has soft caps",
      defaults, presets, patterns};
}

}  // namespace trireme::spec
