// A transformer as one value: a LayerSpec for each layer, and the two ends. Tensors, blocks, operations, memory,
// options and names in public files are derived from it, so a family of models is a set of defaults
// (models/spec/families).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace trireme::spec {

enum class NormKind {
  kRms,    ///< x / sqrt(mean(x²) + eps) * weight (Zhang and Sennrich, 2019)
  kLayer,  ///< (x - mean) / sqrt(variance + eps) * weight + bias (Ba et al., 2016)
};

/// Where the norms of a layer's two halves stand; f is attention or feed-forward.
enum class NormPlace {
  kBefore,         ///< x + f(norm(x)): GPT-2, Llama
  kAfterBranch,    ///< x + norm(f(x)): OLMo 2
  kAround,         ///< x + norm(f(norm(x))): Gemma 2 and 3
  kAfterResidual,  ///< norm(x + f(x)): BERT, the transformer of 2017
};

struct NormSpec {
  NormKind kind = NormKind::kRms;
  bool bias = false;         ///< kLayer only
  bool unit_offset = false;  ///< the factor is 1 + weight, and the weight starts at 0 (Gemma)
  double eps = 1e-5;
  bool operator==(const NormSpec&) const = default;
};

enum class Mask {
  kCausal,  ///< position p sees the positions up to p
  kFull,    ///< every position sees every other
};

/// How rotary positions are stretched beyond the length a model was first trained for.
enum class RopeScaling {
  kNone,
  kLinear,  ///< positions / factor (Chen et al., 2023)
  kLlama3,  ///< low frequencies / factor, with a smooth transition (Llama 3.1)
  kYarn,    ///< Peng et al., "YaRN", 2023
};

struct RotarySpec {
  double theta = 0;     ///< base of the angles; 0: this layer has no rotary positions
  double fraction = 1;  ///< part of each head that is rotated, from its start
  RopeScaling scaling = RopeScaling::kNone;
  double factor = 1;
  std::int64_t original_sequence = 0;  ///< tokens: the length of the first training (llama3, yarn)
  double low_frequency = 1;            ///< llama3: wavelengths above original_sequence / this are stretched entirely
  double high_frequency = 4;           ///< llama3: wavelengths below original_sequence / this stay as they are
  double beta_fast = 32;               ///< yarn: turns within original_sequence above which a pair stays as it is
  double beta_slow = 1;                ///< yarn: turns below which a pair is stretched entirely
  double attention_factor = 1;         ///< yarn: cosines and sines are multiplied by this
  bool operator==(const RotarySpec&) const = default;
};

/// RMSNorm of queries and keys before they are rotated.
enum class QkNorm {
  kNone,
  kHead,   ///< over each head, one weight of head_size for all of them (Qwen 3, Gemma 3)
  kWidth,  ///< over all heads together, a weight for each element (OLMo 2)
};

struct AttentionSpec {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;   ///< divides heads
  std::int64_t head_size = 0;  ///< independent of hidden / heads
  double scale = 0;            ///< factor of the scores, usually 1 / sqrt(head_size)
  Mask mask = Mask::kCausal;
  std::int64_t window = 0;  ///< a position sees the last `window` positions, itself included; 0: all. Causal only
  double soft_cap = 0;      ///< scores become cap * tanh(score / cap); 0: they stay
  RotarySpec rotary;
  QkNorm qk_norm = QkNorm::kNone;
  bool qkv_bias = false;
  bool o_bias = false;
  bool operator==(const AttentionSpec&) const = default;

  /// Elements at the start of each head that rotary positions turn.
  std::int64_t rotated() const { return static_cast<std::int64_t>(static_cast<double>(head_size) * rotary.fraction); }
  std::int64_t query_width() const { return heads * head_size; }
  std::int64_t kv_width() const { return kv_heads * head_size; }
};

enum class Activation {
  kGelu,      ///< x * Phi(x), with the error function (Hendrycks and Gimpel, 2016)
  kGeluTanh,  ///< its approximation with tanh
  kSilu,      ///< x * sigmoid(x)
  kRelu,
};

struct FeedForwardSpec {
  std::int64_t width = 0;  ///< inner width
  bool gated = false;      ///< down(activation(gate(x)) * up(x)) (Shazeer, 2020); else down(activation(up(x)))
  Activation activation = Activation::kSilu;
  bool bias = false;
  bool operator==(const FeedForwardSpec&) const = default;
};

struct LayerSpec {
  NormPlace norm_place = NormPlace::kBefore;
  AttentionSpec attention;
  FeedForwardSpec feed_forward;
  double residual_scale = 1;  ///< factor of what attention and feed-forward add to the residual stream
  bool operator==(const LayerSpec&) const = default;

  bool norm_before() const { return norm_place == NormPlace::kBefore || norm_place == NormPlace::kAround; }
  bool norm_after() const { return norm_place != NormPlace::kBefore; }
};

/// The residual stream starts as norm(scale * tokens + positions + types).
struct EmbeddingSpec {
  bool positions = false;        ///< one learned vector for each position
  std::int64_t token_types = 0;  ///< rows of the table of token types (BERT); 0: none
  double scale = 1;
  bool norm = false;
  bool operator==(const EmbeddingSpec&) const = default;
};

/// logits = soft_cap(scale * (W transform(x) + bias)).
struct HeadSpec {
  bool present = true;  ///< false: the model ends with its hidden states, and every other member has its default
  bool tied = false;    ///< W is the embedding of the tokens
  bool bias = false;
  double scale = 1;
  double soft_cap = 0;                        ///< logits become cap * tanh(logit / cap); 0: they stay
  bool transform = false;                     ///< a masked-LM head: dense with bias, activation, norm (BERT)
  Activation activation = Activation::kGelu;  ///< of the transform
  bool operator==(const HeadSpec&) const = default;
};

struct ModelPlan {
  std::string family;         ///< a file of models/spec/families
  std::int64_t hidden = 0;    ///< width of the residual stream
  std::int64_t sequence = 0;  ///< tokens of one training sample
  std::int64_t vocab = 0;
  double dropout = 0;      ///< after the embedding and on both residual branches of each layer
  double init_std = 0.02;  ///< residual projections use init_std / sqrt(2 * layers)
  NormSpec norm;           ///< of every norm but those of queries and keys, which are RMSNorm with its eps and offset
  EmbeddingSpec embedding;
  std::vector<LayerSpec> layers;
  bool final_norm = true;
  bool pooler = false;  ///< tanh(W x + b) of the first position's hidden state (BERT), beside the head
  HeadSpec head;
  bool operator==(const ModelPlan&) const = default;

  std::int64_t layer_count() const { return static_cast<std::int64_t>(layers.size()); }
};

}  // namespace trireme::spec
