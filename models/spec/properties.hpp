// The keys of a run file's [model] section: for each its member of ModelProperties, its unit, meaning and range. Keys,
// --help, presets and resolution all go through this table. model.preset, init_from and arch are no properties and
// stand in launcher/options/keys.cpp.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>

#include "models/spec/config.hpp"

namespace trireme::spec {

/// `Value` is a T ModelProperties<Itself>::*, `Given` the same member of ModelProperties<std::optional>.
template <auto Value, auto Given>
struct Property {
  static constexpr auto kValue = Value;
  static constexpr auto kGiven = Given;

  const char* name;
  const char* unit;
  const char* help;
  const char* default_words;
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;
  bool high_excluded = false;
};

// Past any use, and low enough that sizes multiply without overflow.
inline constexpr double kMostLayers = 1e5;
inline constexpr double kMostSize = 1e8;
inline constexpr double kNoLimit = std::numeric_limits<double>::infinity();

#define TRIREME_PROPERTY(member)                                                        \
  Property<&ModelProperties<Itself>::member, &ModelProperties<std::optional>::member> { \
#member

// A table reads better with few lines an entry.
// clang-format off
/// In the order of the run file.
inline constexpr std::tuple kProperties{
    TRIREME_PROPERTY(layers), "", "transformer layers", "the preset's, else 12", 1, kMostLayers},
    TRIREME_PROPERTY(hidden), "", "width of the residual stream", "the preset's, else 768", 1, kMostSize},
    TRIREME_PROPERTY(heads), "", "attention heads", "the preset's, else 12", 1, kMostSize},
    TRIREME_PROPERTY(kv_heads), "", "key/value heads of grouped-query attention; divides heads", "the preset's, else heads", 1, kMostSize},
    TRIREME_PROPERTY(head_size), "", "width of a head", "the preset's, else hidden / heads", 1, kMostSize},
    TRIREME_PROPERTY(ffn), "", "inner width of the feed-forward block", "the preset's, else the family's", 1, kMostSize},
    TRIREME_PROPERTY(sequence), "tokens", "length of a training sample", "the preset's, else the family's", 1, kMostSize},
    TRIREME_PROPERTY(vocab), "tokens", "entries of the vocabulary", "the preset's, else the dataset's", 1, kMostSize},
    TRIREME_PROPERTY(tie_embeddings), "", "the output head is the token embedding", "the family's"},
    TRIREME_PROPERTY(dropout), "", "probability, after the embedding and on both residual branches", "0", 0, 1, false, true},
    TRIREME_PROPERTY(init_std), "", "standard deviation of initial weights; residual projections get init_std / sqrt(2 layers)",
        "0.02", 0, kNoLimit, true},
    TRIREME_PROPERTY(norm), "", "rms: RMSNorm; layer: LayerNorm", "the family's"},
    TRIREME_PROPERTY(norm_bias), "", "LayerNorms have a bias", "the family's"},
    TRIREME_PROPERTY(norm_unit_offset), "", "norms multiply by 1 + weight", "the family's"},
    TRIREME_PROPERTY(norm_place), "", "norms stand before attention and feed-forward, after_branch (before their result is added), "
        "around them, or after_residual (after it was added)", "the family's"},
    TRIREME_PROPERTY(norm_eps), "", "added to the variance in every norm", "the family's", 0, kNoLimit, true},
    TRIREME_PROPERTY(final_norm), "", "a norm between the last layer and the head", "the family's"},
    TRIREME_PROPERTY(positions), "", "rotary: heads are rotated; learned: one vector for each position is added to the embedding", "the family's"},
    TRIREME_PROPERTY(rope_theta), "", "base of the rotary angles, above 1, repeated over the layers: 1e4, 1e4, 0; 0: no positions in that layer",
        "the family's", 0, kNoLimit},
    TRIREME_PROPERTY(rope_scaling), "", "how rotary positions are stretched, repeated over the layers", "the family's"},
    TRIREME_PROPERTY(rope_factor), "", "how far rope_scaling stretches", "1", 1, kNoLimit},
    TRIREME_PROPERTY(rope_original_sequence), "tokens", "length of the training before positions were stretched (llama3, yarn)", "0", 0, kMostSize},
    TRIREME_PROPERTY(rope_low_frequency), "", "llama3: wavelengths above rope_original_sequence / this are stretched entirely", "1", 0, kNoLimit, true},
    TRIREME_PROPERTY(rope_high_frequency), "", "llama3: wavelengths below rope_original_sequence / this stay", "4", 0, kNoLimit, true},
    TRIREME_PROPERTY(rope_beta_fast), "", "yarn: pairs with more turns within rope_original_sequence stay", "32", 0, kNoLimit, true},
    TRIREME_PROPERTY(rope_beta_slow), "", "yarn: pairs with fewer turns are stretched entirely", "1", 0, kNoLimit, true},
    TRIREME_PROPERTY(rope_attention_factor), "", "yarn: factor of cosines and sines; 0: 0.1 ln(rope_factor) + 1", "0", 0, kNoLimit},
    TRIREME_PROPERTY(rope_fraction), "", "part of each head that is rotated", "1", 0, 1, true},
    TRIREME_PROPERTY(mask), "", "causal: a token sees those before it; full: it sees all", "the family's"},
    TRIREME_PROPERTY(window), "tokens", "how many of the last tokens a token sees, itself included, repeated over the layers: 4096, 0; 0: all",
        "the family's", 0, kMostSize},
    TRIREME_PROPERTY(attention_scale), "", "factor of the scores; 0: 1 / sqrt(head_size)", "the family's", 0, kNoLimit},
    TRIREME_PROPERTY(attention_soft_cap), "", "scores become cap tanh(score / cap); 0: they stay", "the family's", 0, kNoLimit},
    TRIREME_PROPERTY(qk_norm), "", "RMSNorm of queries and keys: over each head, or over the width of all heads", "the family's"},
    TRIREME_PROPERTY(qkv_bias), "", "the projections to queries, keys and values have biases", "the family's"},
    TRIREME_PROPERTY(o_bias), "", "the projection out of attention has a bias", "the family's"},
    TRIREME_PROPERTY(ffn_gated), "", "feed-forward multiplies by an activated gate (SwiGLU, GeGLU)", "the family's"},
    TRIREME_PROPERTY(activation), "", "activation function of feed-forward; gelu_tanh is gelu's approximation", "the family's"},
    TRIREME_PROPERTY(ffn_bias), "", "the projections of feed-forward have biases", "the family's"},
    TRIREME_PROPERTY(token_types), "", "rows of the table of token types (BERT's segments); 0: none", "the family's", 0, kMostSize},
    TRIREME_PROPERTY(embedding_scale), "", "factor of the token embedding", "the family's", 0, kNoLimit, true},
    TRIREME_PROPERTY(embedding_norm), "", "a norm after the embedding", "the family's"},
    TRIREME_PROPERTY(residual_scale), "", "factor of what attention and feed-forward add", "the family's", 0, kNoLimit, true},
    TRIREME_PROPERTY(pooler), "", "a dense layer with tanh over the first position's result (BERT); masked language modelling leaves it as it is",
        "the family's"},
    TRIREME_PROPERTY(lm_head), "", "an output head over the vocabulary; false: the model ends with its hidden states and cannot be trained, and the "
        "keys of the head say nothing", "the family's"},
    TRIREME_PROPERTY(head_bias), "", "the output head has a bias", "the family's"},
    TRIREME_PROPERTY(head_scale), "", "factor of the logits", "the family's", 0, kNoLimit, true},
    TRIREME_PROPERTY(head_soft_cap), "", "logits become cap tanh(logit / cap); 0: they stay", "the family's", 0, kNoLimit},
    TRIREME_PROPERTY(head_transform), "", "a masked-LM head: dense, activation and norm before the output head", "the family's"},
};
// clang-format on
#undef TRIREME_PROPERTY

/// Calls visit(property) for each of them.
template <typename Visit>
void for_each_property(Visit&& visit) {
  std::apply([&](const auto&... property) { (visit(property), ...); }, kProperties);
}

}  // namespace trireme::spec
