// What the [model] section of a run file says, key by key, and how it becomes a plan.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/spec/plan.hpp"

namespace trireme::spec {

enum class Positions { kRotary, kLearned, kNone };

/// A list over the layers: layer i takes element i modulo the length.
template <typename Value>
using PerLayer = std::vector<Value>;

/// One member for each key, in a Holder: the value itself in a ModelConfig, an optional one in a run file.
/// models/spec/properties.hpp says what each means.
template <template <typename> typename Holder>
struct ModelProperties {
  Holder<std::int64_t> layers{};
  Holder<std::int64_t> hidden{};
  Holder<std::int64_t> heads{};
  Holder<std::int64_t> kv_heads{};
  Holder<std::int64_t> head_size{};
  Holder<std::int64_t> ffn{};
  Holder<std::int64_t> sequence{};
  Holder<std::int64_t> vocab{};
  Holder<bool> tie_embeddings{};
  Holder<double> dropout{};
  Holder<double> init_std{};

  Holder<NormKind> norm{};
  Holder<bool> norm_bias{};
  Holder<bool> norm_unit_offset{};
  Holder<NormPlace> norm_place{};
  Holder<double> norm_eps{};
  Holder<bool> final_norm{};

  Holder<Positions> positions{};
  Holder<PerLayer<double>> rope_theta{};
  Holder<PerLayer<RopeScaling>> rope_scaling{};
  Holder<double> rope_factor{};
  Holder<std::int64_t> rope_original_sequence{};
  Holder<double> rope_low_frequency{};
  Holder<double> rope_high_frequency{};
  Holder<double> rope_beta_fast{};
  Holder<double> rope_beta_slow{};
  Holder<double> rope_attention_factor{};
  Holder<double> rope_fraction{};

  Holder<Mask> mask{};
  Holder<PerLayer<std::int64_t>> window{};
  Holder<double> attention_scale{};
  Holder<double> attention_soft_cap{};
  Holder<QkNorm> qk_norm{};
  Holder<bool> qkv_bias{};
  Holder<bool> o_bias{};

  Holder<bool> ffn_gated{};
  Holder<Activation> activation{};
  Holder<bool> ffn_bias{};

  Holder<std::int64_t> token_types{};
  Holder<double> embedding_scale{};
  Holder<bool> embedding_norm{};
  Holder<double> residual_scale{};

  Holder<bool> pooler{};

  Holder<bool> lm_head{};
  Holder<bool> head_bias{};
  Holder<double> head_scale{};
  Holder<double> head_soft_cap{};
  Holder<bool> head_transform{};

  bool operator==(const ModelProperties&) const = default;
};

template <typename Value>
using Itself = Value;

/// Complete: every member counts. Start from defaults_of() (models/spec/families/family.hpp).
struct ModelConfig : ModelProperties<Itself> {
  std::string arch;  ///< the family

  bool operator==(const ModelConfig&) const = default;
};

/// The plan that the keys describe. Throws base::InputError in one sentence naming keys that contradict each other and
/// what would work: kv_heads does not divide heads, an odd number of rotated elements, a bias of RMSNorm, …
ModelPlan make_plan(const ModelConfig& config);

}  // namespace trireme::spec
