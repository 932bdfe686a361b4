// Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): biases of queries, keys and values. Qwen 3 (arXiv 2505.09388): a norm
// of each query and key head instead, and heads of a size of their own.
#include "models/spec/families/files.hpp"

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

std::vector<PublicTensor> patterns() {
  std::vector<PublicTensor> patterns = decoder_patterns();
  patterns.push_back({"model.layers.{}.input_layernorm.weight", {"layers.{}.attention_norm.weight"}});
  patterns.push_back({"model.layers.{}.post_attention_layernorm.weight", {"layers.{}.ffn_norm.weight"}});
  return patterns;
}

}  // namespace

Family qwen() {
  return {"qwen",
          "Qwen 2, 2.5 and 3: as llama; Qwen 3 (the default) norms query and key heads, Qwen 2 and 2.5 (presets) have "
          "biases of queries, keys and values",
          defaults, presets, patterns};
}

}  // namespace trireme::spec
