// The communication of tensor parallelism as two conjugate functions, each the gradient of the other (Korthikanti et
// al., "Reducing activation recomputation in large transformer models", 2022).
#pragma once

#include <ATen/core/Tensor.h>

#include "collectives/communicator.hpp"

namespace trireme::parallel {

/// Works in place on a contiguous tensor.
void all_reduce(collectives::Communicator& comm, at::Tensor& x, collectives::ReduceOp op = collectives::ReduceOp::kSum);
/// Gathers (n, …) of each rank into (size * n, …): the ranks' tensors one after another.
at::Tensor all_gather(collectives::Communicator& comm, const at::Tensor& x);
/// Takes (size * n, …) and returns (n, …): this rank's part of the sum over ranks.
at::Tensor reduce_scatter(collectives::Communicator& comm, const at::Tensor& x);

/// A tensor-parallel group, and how activations between blocks are divided in it.
struct TensorGroup {
  collectives::Communicator* comm = nullptr;  ///< null = degree 1
  bool sequence = false;                      ///< true: between blocks each rank holds T / size positions

  int rank() const { return comm == nullptr ? 0 : comm->rank(); }
  int size() const { return comm == nullptr ? 1 : comm->size(); }
  /// The first global position, of T in all, that this rank holds between blocks.
  std::int64_t first_position(std::int64_t length) const { return sequence ? rank() * (length / size()) : 0; }

  /// Enters a block, before its column-parallel linear: gathers (T/size, B, D) to (T, B, D) with sequence parallel;
  /// returns x itself otherwise.
  at::Tensor enter(const at::Tensor& x) const;
  /// Leaves a block: sums the ranks' partial results (T, B, D); with sequence parallel returns this rank's positions
  /// only. May overwrite `partial`.
  at::Tensor leave(at::Tensor partial) const;
};

}  // namespace trireme::parallel
