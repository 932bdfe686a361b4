// One layer: attention and feed-forward, each a branch of the residual stream.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/attention/attention.hpp"
#include "models/kernels/kernels.hpp"
#include "models/parallel/gradient_sink.hpp"
#include "models/parallel/linear.hpp"
#include "models/parallel/parameters.hpp"
#include "models/spec/plan.hpp"
#include "models/transformer/chunk.hpp"
#include "models/transformer/pass.hpp"
#include "models/transformer/query_key.hpp"
#include "models/transformer/residual.hpp"
#include "models/transformer/rotary.hpp"

namespace trireme::transformer {

/// What all layers of a chunk share.
struct LayerSetting {
  const spec::ModelPlan& plan;
  RotaryCache rotary;
  int tp_rank = 0;
  int tp = 1;
  std::uint64_t seed = 0;
};

/// New rows of one sequence in an inference pass, and where the layer keeps the sequence's keys and values.
struct CachedRows {
  std::int64_t past = 0;   ///< positions before the new ones
  std::int64_t count = 0;  ///< new positions; their rows follow those of the sequences before
  at::Tensor keys;         ///< (capacity, kv_width), capacity >= past + count
  at::Tensor values;       ///< the same
};

/// What a layer's forward keeps for its backward. Backward computes undefined tensors again.
struct LayerActivations {
  ResidualActivations attention_half;
  at::Tensor attention_input;  ///< (T, B, D), gathered
  at::Tensor qkv;              ///< (T, B, …): the projection where norms copy it, else what attention took
  QueryKeyActivations query_key;
  attention::Forward attention;
  ResidualActivations ffn_half;
  at::Tensor ffn_input;  ///< (T, B, D), gathered
  at::Tensor hidden;     ///< (T, B, ffn or 2 ffn), before the activation function, with its bias
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

  std::int64_t kv_width() const { return heads_.kv_width(); }
  /// Inference: x_N1D holds the new positions of some sequences, one sequence's after another's. `rotary`: the tables
  /// for the rows (RotaryCache::at). Writes the new keys and values.
  at::Tensor infer(const at::Tensor& x_N1D, const Pass& pass, const RotaryCache& rotary,
                   const std::vector<CachedRows>& sequences) const;

 private:
  void compute_again(const Pass& pass, LayerActivations& activations) const;
  void attend(const Pass& pass, LayerActivations& activations) const;
  at::Tensor attention_output(const Pass& pass, LayerActivations& activations) const;
  at::Tensor attention_backward(const at::Tensor& grad, const Pass& pass, LayerActivations& activations,
                                parallel::GradientSink& gradients) const;
  void feed_forward(const Pass& pass, LayerActivations& activations) const;
  at::Tensor ffn_output(const Pass& pass, LayerActivations& activations) const;
  at::Tensor ffn_backward(const at::Tensor& grad, const Pass& pass, LayerActivations& activations,
                          parallel::GradientSink& gradients) const;

  at::Tensor project_qkv(const at::Tensor& input, const Pass& pass) const;
  RotaryTables rotary(const Pass& pass) const;
  at::Tensor prepare(const at::Tensor& qkv, const Pass& pass, QueryKeyActivations& kept) const;

  const LayerSetting& setting_;
  const spec::LayerSpec& spec_;
  attention::Setting heads_;
  Residual attention_half_, ffn_half_;
  QueryKey query_key_;
  parallel::Linear qkv_, o_, up_, down_;
};

}  // namespace trireme::transformer
