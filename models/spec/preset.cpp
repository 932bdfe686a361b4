#include "models/spec/preset.hpp"

namespace trireme::spec {
namespace {

struct Preset {
  const char* name;
  ModelConfig config;
};

// Learned positions and tied embeddings, four times as wide inside.
constexpr ModelConfig gpt2(std::int64_t layers, std::int64_t hidden, std::int64_t heads) {
  return {.arch = Architecture::kGpt2,
          .layers = layers,
          .hidden = hidden,
          .heads = heads,
          .kv_heads = heads,
          .ffn = 4 * hidden,
          .sequence = 1024,
          .vocab = 50257,
          .tie_embeddings = true};
}

// clang-format off
constexpr Preset kPresets[] = {
    {"gpt2-124m", gpt2(12, 768, 12)},
    {"gpt2-355m", gpt2(24, 1024, 16)},
    {"gpt2-774m", gpt2(36, 1280, 20)},
    {"gpt2-1.5b", gpt2(48, 1600, 25)},
    {"smollm-135m",
     {.layers = 30, .hidden = 576, .heads = 9, .kv_heads = 3, .ffn = 1536, .sequence = 2048, .vocab = 49152, .tie_embeddings = true}},
    {"tinyllama-1.1b",
     {.layers = 22, .hidden = 2048, .heads = 32, .kv_heads = 4, .ffn = 5632, .sequence = 2048, .vocab = 32000}},
    {"llama2-7b",
     {.layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 32, .ffn = 11008, .sequence = 4096, .vocab = 32000}},
    {"llama2-13b",
     {.layers = 40, .hidden = 5120, .heads = 40, .kv_heads = 40, .ffn = 13824, .sequence = 4096, .vocab = 32000}},
    {"llama-1b",
     {.layers = 16, .hidden = 2048, .heads = 32, .kv_heads = 8, .ffn = 8192, .sequence = 8192, .vocab = 128256, .tie_embeddings = true, .rope_theta = 500000}},
    {"llama-3b",
     {.layers = 28, .hidden = 3072, .heads = 24, .kv_heads = 8, .ffn = 8192, .sequence = 8192, .vocab = 128256, .tie_embeddings = true, .rope_theta = 500000}},
    {"llama-8b",
     {.layers = 32, .hidden = 4096, .heads = 32, .kv_heads = 8, .ffn = 14336, .sequence = 8192, .vocab = 128256, .rope_theta = 500000}},
    {"llama-70b",
     {.layers = 80, .hidden = 8192, .heads = 64, .kv_heads = 8, .ffn = 28672, .sequence = 8192, .vocab = 128256, .rope_theta = 500000}},
    {"llama-405b",
     {.layers = 126, .hidden = 16384, .heads = 128, .kv_heads = 8, .ffn = 53248, .sequence = 8192, .vocab = 128256, .rope_theta = 500000}},
};
// clang-format on

}  // namespace

ModelConfig defaults_of(Architecture arch) {
  ModelConfig config;
  config.arch = arch;
  config.layers = 12;
  config.hidden = 768;
  config.heads = 12;
  config.sequence = 1024;
  config.tie_embeddings = arch == Architecture::kGpt2;
  return config;
}

std::int64_t default_ffn(Architecture arch, std::int64_t hidden) {
  if (arch == Architecture::kGpt2) return 4 * hidden;
  constexpr std::int64_t kMultiple = 256;
  const std::int64_t width = (8 * hidden + 2) / 3;
  return (width + kMultiple - 1) / kMultiple * kMultiple;
}

std::optional<ModelConfig> preset(const std::string& name) {
  for (const Preset& known : kPresets) {
    if (name == known.name) return known.config;
  }
  return std::nullopt;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& known : kPresets) names.emplace_back(known.name);
  return names;
}

}  // namespace trireme::spec
