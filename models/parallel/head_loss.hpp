// Output head and cross-entropy over a vocabulary that is divided over tp ranks, computed for a slice of tokens at a
// time: the logits of all tokens never exist at once, and when gradients are wanted they overwrite the logits.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/kernels/kernels.hpp"
#include "models/parallel/parameters.hpp"
#include "models/parallel/tensor_comm.hpp"

namespace trireme::parallel {

/// The part of the vocabulary that this rank holds.
struct VocabularyPart {
  std::int64_t total = 0;
  std::int64_t first = 0;
  std::int64_t count = 0;  ///< may be 0
};

/// logits = soft_cap * tanh(scale * (x W^T + bias) / soft_cap), or scale * (…) without a cap.
struct OutputHead {
  Block& weight;          ///< (this part of the vocabulary, D)
  Block* bias = nullptr;  ///< (this part of the vocabulary); null: none
  kernels::LogitScaling scaling = {};

  ValueLease bias_values() const { return bias == nullptr ? ValueLease() : bias->values(); }
};

/// Returns the logits of x (…, D), (…, this part of the vocabulary). `rows_apart`: see linear_product().
at::Tensor head_logits(const at::Tensor& x, const OutputHead& head, bool rows_apart = false);

struct HeadLoss {
  at::Tensor loss_sum;    ///< fp64 scalar: sum over tokens of -log softmax(logits)[target], the same on all tp ranks
  at::Tensor input_grad;  ///< (T, B, D), this rank's part of a sum over tp; undefined without gradients
};

struct HeadScores {
  at::Tensor log_probability_TB;  ///< fp64: log softmax(logits)[target], each token's term of HeadLoss; 0 without one
  at::Tensor greedy_TB;           ///< bool: the target has the largest logit, or the lowest id among equals
};

/// x_TBD: the head's input, all positions. targets_TB: int64 (T, B), -1 = no loss. With `gradients`, those of the
/// head's blocks and input_grad belong to loss_scale * loss_sum. Reductions over tp are in fp64, with one gather per
/// slice.
HeadLoss head_loss(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const OutputHead& head,
                   const VocabularyPart& part, const TensorGroup& group, double loss_scale, bool gradients);
/// The same slices without gradients, target by target; the same on all tp ranks. Logits are compared as head_logits()
/// gives them: scaled, capped, rounded to their type.
HeadScores head_scores(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const OutputHead& head,
                       const VocabularyPart& part, const TensorGroup& group);

}  // namespace trireme::parallel
