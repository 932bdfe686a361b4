// The end of the residual stream: the final norm, the pooler, and the output head with its loss. A model without an
// output head (model.lm_head = false) has hidden states only.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "models/parallel/gradient_sink.hpp"
#include "models/parallel/head_loss.hpp"
#include "models/parallel/linear.hpp"
#include "models/parallel/parameters.hpp"
#include "models/spec/plan.hpp"
#include "models/transformer/norm.hpp"
#include "models/transformer/pass.hpp"

namespace trireme::transformer {

class Head {
 public:
  /// `plan` and `parameters`, which hold the head's blocks, must outlive this object.
  Head(const spec::ModelPlan& plan, const parallel::VocabularyPart& part, parallel::ParameterStore& parameters);

  /// Takes the last layer's output, of any shape (…, D), and returns the hidden states: the final norm of it, if there
  /// is one.
  at::Tensor hidden(const at::Tensor& x) const;
  /// Takes the hidden states of each sequence's first position (B, D), and returns what the pooler makes of them, (B,
  /// D). Throws base::InputError for a model without a pooler.
  at::Tensor pooled(const at::Tensor& first_BD) const;

  // The others throw base::InputError for a model without an output head.

  /// Takes the last layer's output (T/tp, B, D) and targets (T, B), -1 = no loss. Returns the loss sum (parallel::
  /// HeadLoss), and sets `grad` to the gradient of x, scaled by loss_scale like those it adds to the parameters'.
  at::Tensor loss_with_gradients(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const Pass& pass,
                                 double loss_scale, at::Tensor& grad) const;
  /// The loss sum alone.
  at::Tensor loss(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const Pass& pass, double loss_scale) const;
  /// Scores the targets (parallel::HeadScores).
  parallel::HeadScores scores(const at::Tensor& x_TBD, const at::Tensor& targets_TB, const Pass& pass) const;
  /// The logits of this rank's part of the vocabulary, (T, B, part).
  at::Tensor logits(const at::Tensor& x_TBD, const Pass& pass) const;
  /// Takes x (B, D), whole on every rank, and returns (B, vocabulary), complete on every tp rank. A row's logits have
  /// the same bits whatever the others are.
  at::Tensor complete_logits(const at::Tensor& x_BD, const parallel::TensorGroup& group) const;

 private:
  /// What the way to the output head keeps for its backward.
  struct Kept {
    kernels::NormForward final_norm;
    at::Tensor transform_input;
    at::Tensor hidden;
    at::Tensor activated;
    kernels::NormForward transform_norm;
  };
  const parallel::OutputHead& output() const;
  at::Tensor forward(const at::Tensor& x, Kept& kept, bool rows_apart = false) const;
  at::Tensor backward(at::Tensor grad, const at::Tensor& x, Kept& kept) const;

  const spec::ModelPlan& plan_;
  parallel::VocabularyPart part_;
  std::optional<parallel::OutputHead> output_;
  Norm final_norm_;
  parallel::Linear pooler_;     ///< every tp rank holds it whole
  parallel::Linear transform_;  ///< every tp rank holds it whole
  Norm transform_norm_;
};

}  // namespace trireme::transformer
