// How many parameters a model has, how large its training state is and how many floating-point operations a token
// costs: pure arithmetic, used for the utilisation in the log, for balancing pipeline stages and for what saving needs.
// A multiply-add counts as 2.
#pragma once

#include <cstdint>

#include "models/spec/config.hpp"

namespace trireme::spec {

/// The number of elements in all logical tensors (a tied embedding counts once).
std::int64_t parameter_count(const ModelConfig& config);

/// Bytes of the training state that a checkpoint holds for each parameter: the parameter itself and AdamW's two
/// moments, in fp64 when the model trains in that, else in fp32, whatever the layers compute in. 24 or 12.
int state_bytes_per_parameter(bool fp64);

/// How attention's two matrix products are counted: each token against all `sequence` tokens, or against half of
/// them, which is what a causal kernel computes. Published utilisations differ by this choice; name it.
enum class AttentionCount { kFull, kCausal };

/// Operations of one token's forward in one layer:
/// 2 * (weights of the layer's matrices) + 4 * sequence * hidden (full) or 2 * sequence * hidden (causal).
double layer_flops(const ModelConfig& config, AttentionCount count);

/// Operations of one token's forward in the output head: 2 * hidden * vocab.
double head_flops(const ModelConfig& config);

/// Operations of one token's forward and backward (twice the forward) through the model, without recomputation.
/// Example: GPT-2 124M at sequence 1024: 7.98e8 causal, 8.55e8 full.
double train_flops(const ModelConfig& config, AttentionCount count);

}  // namespace trireme::spec
