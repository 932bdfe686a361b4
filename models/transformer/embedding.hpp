// The beginning of the residual stream: tokens, positions and token types, embedded and added.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/parallel/head_loss.hpp"
#include "models/parallel/parameters.hpp"
#include "models/spec/plan.hpp"
#include "models/transformer/norm.hpp"
#include "models/transformer/pass.hpp"

namespace trireme::transformer {

/// What the embedding keeps for its backward.
struct EmbeddingActivations {
  at::Tensor rows_TB;         ///< rows of the table of tokens (parallel::local_rows)
  at::Tensor types_TB;        ///< this rank's positions; undefined when all are of type 0
  at::Tensor positions_TB;    ///< rows of the table of positions, this rank's; undefined when they are consecutive
  at::Tensor norm_input_TBD;  ///< undefined without a norm
  kernels::NormForward norm;
};

class Embedding {
 public:
  /// `plan` and `parameters`, which hold the embedding's blocks, must outlive this object. `seed` keys dropout.
  Embedding(const spec::ModelPlan& plan, std::uint64_t seed, const parallel::VocabularyPart& part,
            parallel::ParameterStore& parameters);

  /// Embeds tokens (B, T). types_BT: rows of the table of token types; undefined: every token is of type 0.
  /// positions_TB: int64, the row of the table of positions for each token; undefined: they count from 0 in each
  /// document of the pass. Returns (T or T/tp, B, D). Fills `kept` when it is not null. Throws base::InputError for
  /// types that a model without them is given.
  at::Tensor forward(const at::Tensor& tokens_BT, const at::Tensor& types_BT, const Pass& pass,
                     const at::Tensor& positions_TB, EmbeddingActivations* kept) const;
  /// Adds to the gradients; overwrites `grad`, the gradient of what forward() returned.
  void backward(at::Tensor grad, const Pass& pass, const EmbeddingActivations& kept) const;

 private:
  kernels::DropoutKey dropout_key(const Pass& pass, std::int64_t first_position) const;
  void add_positions(at::Tensor& x_TBD, const at::Tensor& positions_TB, std::int64_t first) const;
  void add_positions_gradient(const at::Tensor& grad_TBD, const at::Tensor& positions_TB, std::int64_t first) const;
  void add_types_gradient(const at::Tensor& grad_TBD, const at::Tensor& types_TB) const;

  const spec::ModelPlan& plan_;
  double scale_;
  std::uint64_t seed_;
  parallel::VocabularyPart part_;
  parallel::Block* tokens_ = nullptr;
  parallel::Block* positions_ = nullptr;
  parallel::Block* types_ = nullptr;
  Norm norm_;
};

}  // namespace trireme::transformer
