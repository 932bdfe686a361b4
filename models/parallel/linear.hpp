// A linear layer, y = x w^T + bias, whose weight is divided over tp ranks, with the communication around its products
// (Shoeybi et al., "Megatron-LM", 2019; with sequence parallel Korthikanti et al., 2022).
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "models/parallel/gradient_sink.hpp"
#include "models/parallel/parameters.hpp"
#include "models/parallel/tensor_comm.hpp"

namespace trireme::parallel {

/// Which dimension of the weight (out, in) is divided over n ranks. T' is T / n with sequence parallel, T without.
enum class LinearSplit {
  kColumn,  ///< out, on the way into a block: x (T', B, in), y (T, B, out / n); dx is a sum over the ranks
  kRow,     ///< in, on the way out of it: x (T, B, in / n), y (T', B, out), which is a sum over the ranks
};

/// The gradient of y: of this rank's T' positions behind a row split, and of all of them.
struct LinearGradient {
  at::Tensor own;
  at::Tensor complete;
};

/// Tensors have the weight's type. The group may differ from pass to pass, but forward and backward of one pass must
/// have the same one. With a group of one rank no split changes anything.
class Linear {
 public:
  Linear() = default;
  /// Finds the block `name`.weight, and `name`.bias if there is one. Throws base::Error when the weight is not on this
  /// rank. `parameters` must outlive this object.
  Linear(LinearSplit split, ParameterStore& parameters, const std::string& name);

  /// The bias; nothing when there is none. forward() does not add it: its callers add it together with what follows
  /// (an activation, the residual). A bias behind a row split is whole on every rank and is added after the sum.
  ValueLease bias() const { return bias_ == nullptr ? ValueLease() : bias_->values(); }

  /// Returns the operand of the products: x of all T positions. That is x itself without sequence parallel or with a
  /// row split. Callers keep it for backward(), or call enter() again before.
  at::Tensor enter(const at::Tensor& x, const TensorGroup& group) const;
  /// Returns y without the bias, in memory of its own. `input` is enter()'s result. `rows_apart`: see linear_product().
  at::Tensor forward(const at::Tensor& input, const TensorGroup& group, bool rows_apart = false) const;

  /// Takes dy, like y, and gathers what the two products below read.
  LinearGradient enter_backward(const at::Tensor& dy, const TensorGroup& group) const;
  /// Gives the sink the weight's and the bias's contributions; behind a row split the bias's is that of this rank's T'
  /// positions. Nobody may write to dy or `input` afterwards (GradientSink).
  void backward_weight(const LinearGradient& dy, at::Tensor input, GradientSink& gradients) const;
  /// Returns dx, like x, in memory of its own.
  at::Tensor backward_input(const LinearGradient& dy, const TensorGroup& group) const;
  /// All three. The weight's contribution comes first, so that an `input` that the caller moves in can be freed before
  /// dx exists.
  at::Tensor backward(const at::Tensor& dy, at::Tensor input, const TensorGroup& group, GradientSink& gradients) const;

 private:
  LinearSplit split_ = LinearSplit::kColumn;
  Block* weight_ = nullptr;
  Block* bias_ = nullptr;
};

}  // namespace trireme::parallel
