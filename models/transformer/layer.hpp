// One layer: attention and feed-forward, each preceded by a norm and added to the residual stream.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/kernels/kernels.hpp"
#include "models/parallel/gradient_sink.hpp"
#include "models/parallel/linear.hpp"
#include "models/parallel/parameters.hpp"
#include "models/parallel/tensor_comm.hpp"
#include "models/spec/config.hpp"
#include "models/transformer/attention.hpp"
#include "models/transformer/chunk.hpp"
#include "models/transformer/norm.hpp"
#include "models/transformer/rotary.hpp"

namespace trireme::transformer {

/// Settings that all layers of a chunk share.
struct LayerSetting {
  const spec::ModelConfig& config;
  HeadLayout heads;
  RotaryTables rotary;  ///< undefined tensors in the GPT-2 type
  std::uint64_t seed = 0;
};

/// One pass through the layers: how tp ranks share it, and what keys its dropout (no dropout unless `training`).
struct Pass {
  parallel::TensorGroup group;
  std::vector<std::int64_t> samples;
  std::int64_t step = 0;
  bool training = true;
};

/// What a layer's forward keeps for its backward. Backward computes undefined tensors again.
struct LayerActivations {
  at::Tensor input;  ///< (T/tp, B, D)
  kernels::NormForward attention_norm;
  at::Tensor attention_input;  ///< (T, B, D), gathered attention_norm.output
  at::Tensor qkv;              ///< (T, B, …), rotated
  AttentionForward attention;
  at::Tensor middle;  ///< (T/tp, B, D), after the attention's residual addition
  kernels::NormForward ffn_norm;
  at::Tensor ffn_input;  ///< (T, B, D)
  at::Tensor hidden;     ///< (T, B, ffn or 2 ffn), before the activation function
  at::Tensor activated;  ///< (T, B, ffn)
};

class Layer {
 public:
  Layer(const LayerSetting& setting, parallel::ParameterStore& parameters, std::int64_t index);

  /// Returns the output and fills `activations` completely.
  at::Tensor forward(const at::Tensor& x_TBD, const Pass& pass, LayerActivations& activations) const;
  /// Returns the input's gradient, in memory of its own. Those of linear layers go to the sink; the norms' are added at
  /// once. Frees `activations` on the way; what drop() removed is computed again first. Nobody may write to grad_TBD
  /// afterwards (GradientSink).
  at::Tensor backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& activations,
                      parallel::GradientSink& gradients) const;
  /// Frees what `recompute` says is computed again.
  static void drop(LayerActivations& activations, Recompute recompute);

  /// Inference: writes keys and values (max, B, kv_width) from position `past` on.
  at::Tensor infer(const at::Tensor& x_TBD, const Pass& pass, at::Tensor& keys, at::Tensor& values,
                   std::int64_t past) const;

 private:
  void attention_half(const Pass& pass, LayerActivations& activations) const;
  at::Tensor attention_output(const LayerActivations& activations, const Pass& pass) const;
  at::Tensor attention_half_backward(const at::Tensor& grad, const Pass& pass, LayerActivations& activations,
                                     parallel::GradientSink& gradients) const;
  void ffn_half(const Pass& pass, LayerActivations& activations) const;
  at::Tensor ffn_output(const LayerActivations& activations, const Pass& pass) const;
  at::Tensor ffn_half_backward(const at::Tensor& grad, const Pass& pass, LayerActivations& activations,
                               parallel::GradientSink& gradients) const;

  at::Tensor project_qkv(const at::Tensor& input, const Pass& pass, std::int64_t first_position) const;
  void rotate(at::Tensor& qkv, std::int64_t first_position, bool inverse) const;
  at::Tensor activate(at::Tensor& hidden, bool add_bias) const;
  at::Tensor activation_backward(at::Tensor grad, const at::Tensor& hidden) const;
  at::Tensor into_residual(at::Tensor branch, const at::Tensor& bias, const at::Tensor& residual, const Pass& pass,
                           int site) const;
  at::Tensor out_of_residual(const at::Tensor& grad, const Pass& pass, int site) const;
  kernels::DropoutKey dropout_key(const Pass& pass, int site, std::int64_t local_length) const;

  const LayerSetting& setting_;
  std::int64_t index_;
  Norm attention_norm_, ffn_norm_;
  parallel::Linear qkv_, o_, up_, down_;
};

}  // namespace trireme::transformer
