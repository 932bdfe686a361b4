// One layer: attention and feed-forward, each preceded by a norm and added to the residual stream.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/kernels/kernels.hpp"
#include "models/parallel/parameters.hpp"
#include "models/parallel/tensor_comm.hpp"
#include "models/spec/config.hpp"
#include "models/transformer/attention.hpp"
#include "models/transformer/chunk.hpp"
#include "models/transformer/rotary.hpp"

namespace trireme::transformer {

/// A weight and, in the GPT-2 type, a bias.
struct Affine {
  parallel::Block* weight = nullptr;
  parallel::Block* bias = nullptr;

  /// Finds the blocks `name`.weight and `name`.bias.
  static Affine of(parallel::ParameterStore& parameters, const std::string& name);
  /// The bias; undefined when there is none.
  at::Tensor bias_value() const { return bias == nullptr ? at::Tensor() : bias->value; }
};

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
  /// Adds to the weights' gradients and returns the input's. Frees `activations` on the way; what drop() removed is
  /// computed again first.
  at::Tensor backward(const at::Tensor& grad_TBD, const Pass& pass, LayerActivations& activations) const;
  /// Frees what `recompute` says is computed again.
  static void drop(LayerActivations& activations, Recompute recompute);

  /// Inference: writes keys and values (max, B, kv_width) from position `past` on.
  at::Tensor infer(const at::Tensor& x_TBD, const Pass& pass, at::Tensor& keys, at::Tensor& values,
                   std::int64_t past) const;

 private:
  void attention_half(const Pass& pass, LayerActivations& activations) const;
  at::Tensor attention_output(const LayerActivations& activations, const Pass& pass) const;
  void ffn_half(const Pass& pass, LayerActivations& activations) const;
  at::Tensor activate(at::Tensor& hidden, bool add_bias) const;
  at::Tensor ffn_output(const LayerActivations& activations, const Pass& pass) const;
  at::Tensor ffn_backward(const at::Tensor& grad, const Pass& pass, LayerActivations& activations) const;
  at::Tensor attention_half_backward(const at::Tensor& grad, const Pass& pass, LayerActivations& activations) const;
  at::Tensor into_residual(at::Tensor branch, const Affine& affine, const at::Tensor& residual, const Pass& pass,
                           int site) const;
  at::Tensor out_of_residual(const at::Tensor& grad, const Pass& pass, int site) const;
  kernels::NormForward normalise(const at::Tensor& x, const Affine& affine) const;
  at::Tensor norm_backward(const at::Tensor& grad, const at::Tensor& x, const kernels::NormForward& forward,
                           const Affine& affine) const;
  at::Tensor project_qkv(const at::Tensor& x, std::int64_t first_position) const;
  kernels::DropoutKey dropout_key(const Pass& pass, int site, std::int64_t local_length) const;

  const LayerSetting& setting_;
  std::int64_t index_;
  Affine attention_norm_, qkv_, o_, ffn_norm_, up_, down_;
};

}  // namespace trireme::transformer
