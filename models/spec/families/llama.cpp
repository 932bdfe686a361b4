// Llama 1 to 3.x (arXiv 2302.13971, 2307.09288, 2407.21783), and models built like it: TinyLlama (arXiv 2401.02385),
// Mistral (arXiv 2310.06825), SmolLM, SmolLM2 and SmolLM3 (their config files).
#include "models/spec/families/files.hpp"

namespace trireme::spec {
namespace {

ModelConfig defaults(const Sizes& sizes) { return decoder("llama", sizes); }

struct Published {
  Sizes sizes;
  std::int64_t kv_heads;
  std::int64_t ffn;
  std::int64_t sequence;
  std::int64_t vocab;
  double rope_theta = 10000;
  bool tied = false;
};

ModelConfig config_of(const Published& sizes) {
  ModelConfig config = defaults(sizes.sizes);
  config.kv_heads = sizes.kv_heads;
  config.ffn = sizes.ffn;
  config.sequence = sizes.sequence;
  config.vocab = sizes.vocab;
  config.rope_theta = {sizes.rope_theta};
  config.tie_embeddings = sizes.tied;
  return config;
}

// Llama 3.1 and 3.2 stretch the positions of their pretraining's 8,192 tokens.
ModelConfig llama3(const Published& sizes, double factor) {
  ModelConfig config = config_of(sizes);
  config.rope_scaling = {RopeScaling::kLlama3};
  config.rope_factor = factor;
  config.rope_original_sequence = 8192;
  return config;
}

ModelConfig mistral() {
  ModelConfig config = config_of({{32, 4096, 32}, 8, 14336, 8192, 32000});
  config.window = {4096};
  return config;
}

ModelConfig smollm3() {
  ModelConfig config = config_of({{36, 2048, 16}, 4, 11008, 65536, 128256, 10000, true});
  config.rope_theta = {5e6, 5e6, 5e6, 0};  // every fourth layer has no positions
  config.norm_eps = 1e-6;
  return config;
}

// clang-format off
std::vector<Preset> presets() {
  return {{"smollm-135m", config_of({{30, 576, 9}, 3, 1536, 2048, 49152, 10000, true})},
          {"smollm2-135m", config_of({{30, 576, 9}, 3, 1536, 8192, 49152, 100000, true})},
          {"smollm2-1.7b", config_of({{24, 2048, 32}, 32, 8192, 8192, 49152, 130000, true})},
          {"smollm3-3b", smollm3()},
          {"tinyllama-1.1b", config_of({{22, 2048, 32}, 4, 5632, 2048, 32000})},
          {"mistral-7b", mistral()},
          {"llama2-7b", config_of({{32, 4096, 32}, 32, 11008, 4096, 32000})},
          {"llama2-13b", config_of({{40, 5120, 40}, 40, 13824, 4096, 32000})},
          {"llama3-8b", config_of({{32, 4096, 32}, 8, 14336, 8192, 128256, 500000})},
          {"llama3-70b", config_of({{80, 8192, 64}, 8, 28672, 8192, 128256, 500000})},
          // Llama 3.2
          {"llama-1b", llama3({{16, 2048, 32}, 8, 8192, 8192, 128256, 500000, true}, 32)},
          {"llama-3b", llama3({{28, 3072, 24}, 8, 8192, 8192, 128256, 500000, true}, 32)},
          // Llama 3.1
          {"llama-8b", llama3({{32, 4096, 32}, 8, 14336, 8192, 128256, 500000}, 8)},
          {"llama-70b", llama3({{80, 8192, 64}, 8, 28672, 8192, 128256, 500000}, 8)},
          {"llama-405b", llama3({{126, 16384, 128}, 8, 53248, 8192, 128256, 500000}, 8)}};
}
// clang-format on

}  // namespace

Family llama() {
  return {
      "llama",
      "Llama 1 to 3.x, TinyLlama, Mistral, SmolLM 1 to 3: rotary positions, RMSNorm, SwiGLU, grouped-query attention",
      defaults,
      presets,
      decoder_patterns,
      llama_hub_classes,
      decoder_hub_names};
}

}  // namespace trireme::spec
