// A transformer in numbers: what the [model] section says, checked and complete.
#pragma once

#include <cstdint>
#include <string>

namespace trireme::spec {

enum class Architecture { kGpt2, kLlama };

const char* name_of(Architecture arch);  ///< "gpt2", "llama"

/// All sizes in elements. After resolve() every field is set and consistent.
struct ModelConfig {
  Architecture arch = Architecture::kLlama;
  std::int64_t layers = 0;
  std::int64_t hidden = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;  ///< = heads without grouped-query attention; divides heads; gpt2: = heads
  std::int64_t ffn = 0;       ///< inner width of the feed-forward block
  std::int64_t sequence = 0;  ///< tokens of one training sample
  std::int64_t vocab = 0;
  bool tie_embeddings = false;
  double dropout = 0.0;         ///< after the embedding and on both residual branches of each layer
  double init_std = 0.02;       ///< residual projections use init_std / sqrt(2 * layers)
  double rope_theta = 10000.0;  ///< llama only
  double norm_eps = 1e-5;

  std::int64_t head_size() const { return hidden / heads; }
  bool operator==(const ModelConfig&) const = default;
};

/// Throws base::InputError in one sentence naming the keys when the sizes cannot make a model
/// (heads does not divide hidden, kv_heads does not divide heads, odd head size with RoPE, …).
void check(const ModelConfig& config);

}  // namespace trireme::spec
