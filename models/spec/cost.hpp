// How many parameters a model has, how large its training state is and how many floating-point operations a token
// costs: pure arithmetic, used for the utilisation in the log, for balancing pipeline stages and for what saving needs.
// A multiply-add counts as 2.
#pragma once

#include <cstdint>
#include <functional>

#include "models/spec/logical_tensor.hpp"
#include "models/spec/plan.hpp"

namespace trireme::spec {

/// The number of elements in all logical tensors (a tied embedding counts once).
std::int64_t parameter_count(const ModelPlan& plan);

/// How many numbers an optimizer keeps beside each parameter: AdamW two moments, Muon one for a layer's matrices.
struct UpdateState {
  int layer_matrices = 2;  ///< is_layer_matrix()
  int others = 2;
};

/// Bytes of the training state that a checkpoint holds: parameters and what the optimizer keeps of each, in fp64 when
/// the model trains in that, else in fp32, whatever the layers compute in.
std::int64_t state_bytes(const ModelPlan& plan, const std::function<UpdateState(const LogicalTensor&)>& kept,
                         bool fp64);

/// How attention's two matrix products are counted: each token against all tokens that any token of its sample may see
/// (`sequence`, or the window), or against those that it sees on average: half of them under a causal mask without a
/// window. Published utilisations differ by this choice; name it.
enum class AttentionCount { kFull, kCausal };

/// Operations of one token's forward in layer `layer`:
/// 2 * (weights of the layer's matrices) + 4 * (tokens seen) * (width of the query heads).
double layer_flops(const ModelPlan& plan, std::int64_t layer, AttentionCount count);

/// Operations of one token's forward in the output head: 2 * hidden * vocab, and those of a masked-LM head's dense
/// layer; 0 without a head.
double head_flops(const ModelPlan& plan);

/// Operations of one token's forward and backward (twice the forward) through the model, without recomputation.
/// Example: GPT-2 124M at sequence 1024: 7.98e8 causal, 8.55e8 full.
double train_flops(const ModelPlan& plan, AttentionCount count);

}  // namespace trireme::spec
