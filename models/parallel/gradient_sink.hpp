// Where a backward pass hands over what makes the gradients of weights, apart from the gradients that flow on.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/parallel/parameters.hpp"

namespace trireme::parallel {

/// Receives the operands of each weight's and each bias's gradient. It may compute at once, later, or not at all.
/// Tensors are handed over by value: a sink may keep them, since whoever hands them over never writes to their memory
/// again, and drops its own references where it can. Contributions to one block are to be added in the order in which
/// they came, so that the bits do not depend on when they are computed, and before LayerDone is told of the block's
/// group in the last micro-batch (transformer::Chunk::backward), which starts the sums over ranks. The block outlives
/// the sink.
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  /// Receives block.grad = or += dy^T x, for dy (…, out) and x (…, in) with the same leading dims.
  virtual void weight(at::Tensor dy, at::Tensor x, Block& block) = 0;
  /// Receives block.grad = or += the sum of dy's rows, for dy (…, out).
  virtual void bias(at::Tensor dy, Block& block) = 0;
};

/// Computes at once, and so frees what nothing else refers to before the call returns. Skips frozen blocks.
class ImmediateGradients final : public GradientSink {
 public:
  void weight(at::Tensor dy, at::Tensor x, Block& block) override;
  void bias(at::Tensor dy, Block& block) override;
};

}  // namespace trireme::parallel
