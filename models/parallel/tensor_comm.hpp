// Tensor parallelism's communication, as two conjugate functions (Korthikanti et al., "Reducing activation
// recomputation in large transformer models", 2022): each is the gradient of the other.
#pragma once

#include <ATen/core/Tensor.h>

#include "collectives/communicator.hpp"

namespace trireme::parallel {

/// In place on a contiguous tensor.
void all_reduce(collectives::Communicator& comm, at::Tensor& x, collectives::ReduceOp op = collectives::ReduceOp::kSum);
/// (n, …) on each rank -> (size * n, …): the ranks' tensors one after another.
at::Tensor all_gather(collectives::Communicator& comm, const at::Tensor& x);
/// (size * n, …) -> (n, …): this rank's part of the sum over ranks.
at::Tensor reduce_scatter(collectives::Communicator& comm, const at::Tensor& x);

/// A tensor-parallel group and how activations between blocks are held in it.
struct TensorGroup {
  collectives::Communicator* comm = nullptr;  ///< null: degree 1
  bool sequence = false;                      ///< between blocks each rank holds T / size positions

  int rank() const { return comm == nullptr ? 0 : comm->rank(); }
  int size() const { return comm == nullptr ? 1 : comm->size(); }
  /// First global position that this rank holds between blocks, of T in all.
  std::int64_t first_position(std::int64_t length) const { return sequence ? rank() * (length / size()) : 0; }

  /// From between blocks into one, before the split linear: (T/size, B, D) -> (T, B, D) with sequence parallel,
  /// otherwise x itself.
  at::Tensor enter(const at::Tensor& x) const;
  /// Out of a block: the ranks' partial results (T, B, D) summed, this rank's positions with sequence parallel.
  /// May overwrite `partial`.
  at::Tensor leave(at::Tensor partial) const;
};

}  // namespace trireme::parallel
