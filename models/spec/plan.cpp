#include "models/spec/plan.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.hpp"
#include "base/words.hpp"
#include "models/spec/config.hpp"
#include "models/spec/words.hpp"

namespace trireme::spec {
namespace {

using base::InputError;
using base::str;

template <typename Value>
Value at_layer(const PerLayer<Value>& values, std::int64_t layer) {
  return values[static_cast<std::size_t>(layer) % values.size()];
}

void check_sizes(const ModelConfig& config) {
  struct NamedSize {
    const char* key;
    std::int64_t value;
  };
  for (const NamedSize& size :
       {NamedSize{"layers", config.layers}, NamedSize{"hidden", config.hidden}, NamedSize{"heads", config.heads},
        NamedSize{"kv_heads", config.kv_heads}, NamedSize{"ffn", config.ffn}, NamedSize{"sequence", config.sequence},
        NamedSize{"vocab", config.vocab}}) {
    if (size.value < 1) throw InputError(str("model.", size.key, " = ", size.value, " must be at least 1"));
  }
  if (config.head_size < 1) {
    throw InputError(str("model.heads = ", config.heads, " does not divide model.hidden = ", config.hidden,
                         ": choose another number of heads, or give model.head_size"));
  }
  if (config.heads % config.kv_heads != 0) {
    throw InputError(str("model.kv_heads = ", config.kv_heads, " does not divide model.heads = ", config.heads));
  }
  for (const bool empty : {config.rope_theta.empty(), config.rope_scaling.empty(), config.window.empty()}) {
    if (empty) throw InputError("model.rope_theta, rope_scaling and window need at least one value");
  }
}

void check_reals(const ModelConfig& config) {
  if (!(config.dropout >= 0 && config.dropout < 1)) {
    throw InputError(str("model.dropout = ", config.dropout, ", allowed: 0 to below 1"));
  }
  struct NamedReal {
    const char* key;
    double value;
  };
  for (const NamedReal& real :
       {NamedReal{"init_std", config.init_std}, NamedReal{"norm_eps", config.norm_eps},
        NamedReal{"embedding_scale", config.embedding_scale}, NamedReal{"residual_scale", config.residual_scale},
        NamedReal{"head_scale", config.head_scale}}) {
    if (!(std::isfinite(real.value) && real.value > 0)) {
      throw InputError(str("model.", real.key, " = ", real.value, " must be above 0"));
    }
  }
}

/// A key about the stretching of rotary positions, and who reads it.
struct ScalingKey {
  const char* name;
  bool given;  ///< whether it says something else than nothing
  std::vector<RopeScaling> readers;
};

std::vector<ScalingKey> scaling_keys(const ModelConfig& config) {
  using enum RopeScaling;
  return {{"rope_factor", config.rope_factor != 1, {kLinear, kLlama3, kYarn}},
          {"rope_original_sequence", config.rope_original_sequence != 0, {kLlama3, kYarn}},
          {"rope_low_frequency", config.rope_low_frequency != 1, {kLlama3}},
          {"rope_high_frequency", config.rope_high_frequency != 4, {kLlama3}},
          {"rope_beta_fast", config.rope_beta_fast != 32, {kYarn}},
          {"rope_beta_slow", config.rope_beta_slow != 1, {kYarn}},
          {"rope_attention_factor", config.rope_attention_factor != 0, {kYarn}}};
}

/// The scalings of layers that have rotary positions.
std::set<RopeScaling> scalings_in_use(const ModelConfig& config) {
  std::set<RopeScaling> used;
  if (config.positions != Positions::kRotary) return used;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    if (at_layer(config.rope_theta, layer) != 0) used.insert(at_layer(config.rope_scaling, layer));
  }
  return used;
}

/// What says something that no layer reads would be ignored in silence.
void check_unread_keys(const ModelConfig& config) {
  if (config.positions != Positions::kRotary) {
    const auto refuse = [&](const char* key) {
      throw InputError(str("model.", key, " is about rotary positions, and model.positions = ",
                           word_of(config.positions), " has none: leave it out, or set model.positions = rotary"));
    };
    // Run files of version 0.1 hold the base that every architecture had.
    if (config.rope_theta != PerLayer<double>{10000}) refuse("rope_theta");
    if (config.rope_scaling != PerLayer<RopeScaling>{RopeScaling::kNone}) refuse("rope_scaling");
    if (config.rope_fraction != 1) refuse("rope_fraction");
  }
  const std::set<RopeScaling> used = scalings_in_use(config);
  for (const ScalingKey& key : scaling_keys(config)) {
    const bool read = std::ranges::any_of(key.readers, [&](RopeScaling reader) { return used.contains(reader); });
    if (!key.given || read) continue;
    std::vector<std::string> readers;
    for (const RopeScaling reader : key.readers) readers.push_back(word_of(reader));
    throw InputError(str("model.", key.name, " has no effect: it is about layers with rotary positions and model.",
                         "rope_scaling = ", base::join(readers, " or "), ", and there are none"));
  }
}

void check_scaling(const ModelConfig& config, RopeScaling scaling) {
  if (scaling == RopeScaling::kNone) return;
  const std::string what = str("model.rope_scaling = ", word_of(scaling));
  if (!(config.rope_factor > 1)) {
    throw InputError(str(what, " stretches nothing with model.rope_factor = ", config.rope_factor, ": set it above 1"));
  }
  if (scaling == RopeScaling::kLinear) return;
  if (config.rope_original_sequence < 1) {
    throw InputError(what + " needs model.rope_original_sequence: the length of the training before");
  }
  if (scaling == RopeScaling::kLlama3 && !(config.rope_low_frequency < config.rope_high_frequency)) {
    throw InputError(str(what, " needs model.rope_low_frequency = ", config.rope_low_frequency,
                         " below model.rope_high_frequency = ", config.rope_high_frequency));
  }
  if (scaling == RopeScaling::kYarn && !(config.rope_beta_slow < config.rope_beta_fast)) {
    throw InputError(str(what, " needs model.rope_beta_slow = ", config.rope_beta_slow,
                         " below model.rope_beta_fast = ", config.rope_beta_fast));
  }
}

void check_positions(const ModelConfig& config) {
  check_unread_keys(config);
  if (config.positions != Positions::kRotary) return;
  for (const double theta : config.rope_theta) {
    if (theta == 0 || theta > 1) continue;
    throw InputError(str("model.rope_theta = ", theta, " must be above 1, or 0 for layers without positions"));
  }
  AttentionSpec attention;
  attention.head_size = config.head_size;
  attention.rotary.fraction = config.rope_fraction;
  const std::int64_t rotated = attention.rotated();
  if (rotated < 2 || rotated % 2 != 0) {
    throw InputError(str("model.head_size = ", config.head_size, " with model.rope_fraction = ", config.rope_fraction,
                         " rotates ", rotated,
                         " elements of a head: rotary positions turn pairs, choose an even number"));
  }
  for (const RopeScaling scaling : config.rope_scaling) check_scaling(config, scaling);
}

void check_attention(const ModelConfig& config) {
  for (const std::int64_t window : config.window) {
    if (window < 0) throw InputError(str("model.window = ", window, " must be at least 0"));
    if (window > 0 && config.mask == Mask::kFull) {
      throw InputError(str("model.window = ", window,
                           " counts the last tokens, and model.mask = full sees those behind a token too: take "
                           "model.mask = causal, or leave the window out"));
    }
  }
}

void check_norms(const ModelConfig& config) {
  if (config.norm_bias && config.norm == NormKind::kRms) {
    throw InputError("model.norm_bias = true: RMSNorm has no bias, take model.norm = layer");
  }
}

RotarySpec rotary_of(const ModelConfig& config, std::int64_t layer) {
  RotarySpec rotary;
  if (config.positions != Positions::kRotary) return rotary;
  rotary.theta = at_layer(config.rope_theta, layer);
  if (rotary.theta == 0) return {};
  rotary.fraction = config.rope_fraction;
  rotary.scaling = at_layer(config.rope_scaling, layer);
  if (rotary.scaling == RopeScaling::kNone) return rotary;
  rotary.factor = config.rope_factor;
  rotary.original_sequence = config.rope_original_sequence;
  rotary.low_frequency = config.rope_low_frequency;
  rotary.high_frequency = config.rope_high_frequency;
  rotary.beta_fast = config.rope_beta_fast;
  rotary.beta_slow = config.rope_beta_slow;
  if (rotary.scaling == RopeScaling::kYarn) {
    const double given = config.rope_attention_factor;
    rotary.attention_factor = given > 0 ? given : 0.1 * std::log(config.rope_factor) + 1;
  }
  return rotary;
}

AttentionSpec attention_of(const ModelConfig& config, std::int64_t layer) {
  AttentionSpec attention;
  attention.heads = config.heads;
  attention.kv_heads = config.kv_heads;
  attention.head_size = config.head_size;
  attention.scale =
      config.attention_scale > 0 ? config.attention_scale : 1.0 / std::sqrt(static_cast<double>(config.head_size));
  attention.mask = config.mask;
  attention.window = at_layer(config.window, layer);
  attention.soft_cap = config.attention_soft_cap;
  attention.rotary = rotary_of(config, layer);
  attention.qk_norm = config.qk_norm;
  attention.qkv_bias = config.qkv_bias;
  attention.o_bias = config.o_bias;
  return attention;
}

HeadSpec head_of(const ModelConfig& config) {
  HeadSpec head;
  head.present = config.lm_head;
  if (!head.present) return head;
  head.tied = config.tie_embeddings;
  head.bias = config.head_bias;
  head.scale = config.head_scale;
  head.soft_cap = config.head_soft_cap;
  head.transform = config.head_transform;
  head.activation = config.activation;
  return head;
}

}  // namespace

ModelPlan make_plan(const ModelConfig& config) {
  check_sizes(config);
  check_reals(config);
  check_norms(config);
  check_positions(config);
  check_attention(config);
  ModelPlan plan;
  plan.family = config.arch;
  plan.hidden = config.hidden;
  plan.sequence = config.sequence;
  plan.vocab = config.vocab;
  plan.dropout = config.dropout;
  plan.init_std = config.init_std;
  plan.norm = {config.norm, config.norm_bias, config.norm_unit_offset, config.norm_eps};
  plan.embedding = {config.positions == Positions::kLearned, config.token_types, config.embedding_scale,
                    config.embedding_norm};
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    LayerSpec& spec = plan.layers.emplace_back();
    spec.norm_place = config.norm_place;
    spec.attention = attention_of(config, layer);
    spec.feed_forward = {config.ffn, config.ffn_gated, config.activation, config.ffn_bias};
    spec.residual_scale = config.residual_scale;
  }
  plan.final_norm = config.final_norm;
  plan.pooler = config.pooler;
  plan.head = head_of(config);
  return plan;
}

}  // namespace trireme::spec
