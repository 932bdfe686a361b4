#include "models/spec/preset.hpp"

namespace trireme::spec {
namespace {

struct Preset {
  const char* name;
  Architecture arch;
  std::int64_t layers, hidden, heads, kv_heads, ffn, sequence, vocab;
  bool tied;
  double rope_theta;
};

constexpr Architecture kGpt2 = Architecture::kGpt2;
constexpr Architecture kLlama = Architecture::kLlama;

constexpr Preset kPresets[] = {
    {"gpt2-124m", kGpt2, 12, 768, 12, 12, 3072, 1024, 50257, true, 10000},
    {"gpt2-355m", kGpt2, 24, 1024, 16, 16, 4096, 1024, 50257, true, 10000},
    {"gpt2-774m", kGpt2, 36, 1280, 20, 20, 5120, 1024, 50257, true, 10000},
    {"gpt2-1.5b", kGpt2, 48, 1600, 25, 25, 6400, 1024, 50257, true, 10000},
    {"smollm-135m", kLlama, 30, 576, 9, 3, 1536, 2048, 49152, true, 10000},
    {"tinyllama-1.1b", kLlama, 22, 2048, 32, 4, 5632, 2048, 32000, false, 10000},
    {"llama2-7b", kLlama, 32, 4096, 32, 32, 11008, 4096, 32000, false, 10000},
    {"llama2-13b", kLlama, 40, 5120, 40, 40, 13824, 4096, 32000, false, 10000},
    {"llama-1b", kLlama, 16, 2048, 32, 8, 8192, 8192, 128256, true, 500000},
    {"llama-3b", kLlama, 28, 3072, 24, 8, 8192, 8192, 128256, true, 500000},
    {"llama-8b", kLlama, 32, 4096, 32, 8, 14336, 8192, 128256, false, 500000},
    {"llama-70b", kLlama, 80, 8192, 64, 8, 28672, 8192, 128256, false, 500000},
    {"llama-405b", kLlama, 126, 16384, 128, 8, 53248, 8192, 128256, false, 500000},
};

}  // namespace

ModelConfig defaults_of(Architecture arch) {
  ModelConfig config;
  config.arch = arch;
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
    if (name != known.name) continue;
    ModelConfig config = defaults_of(known.arch);
    config.layers = known.layers;
    config.hidden = known.hidden;
    config.heads = known.heads;
    config.kv_heads = known.kv_heads;
    config.ffn = known.ffn;
    config.sequence = known.sequence;
    config.vocab = known.vocab;
    config.tie_embeddings = known.tied;
    config.rope_theta = known.rope_theta;
    return config;
  }
  return std::nullopt;
}

std::vector<std::string> preset_names() {
  std::vector<std::string> names;
  for (const Preset& known : kPresets) names.emplace_back(known.name);
  return names;
}

}  // namespace trireme::spec
