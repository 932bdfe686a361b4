// A model in any layout without gradients: its loss, the probabilities of given tokens, hidden states, and text.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/pipeline/generation.hpp"
#include "models/pipeline/groups.hpp"
#include "models/pipeline/model_setup.hpp"
#include "models/pipeline/state.hpp"
#include "models/transformer/chunk.hpp"

namespace trireme::pipeline {

struct RankParts;

struct Evaluation {
  double loss_sum = 0.0;     ///< sum over all targets of all dp ranks; the same on all ranks
  std::int64_t targets = 0;  ///< number of these targets
};

/// What the model says about given targets, in host memory.
struct Scores {
  at::Tensor
      log_probability_BT;  ///< fp64: log softmax(logits)[target], the term of the loss; 0 where there is no target
  at::Tensor greedy_BT;    ///< bool: the target has the largest logit, or the lowest id among equals
};

/// Holds weights only, in the type of the arithmetic, or looks at those of a Trainer (Trainer::inference()). All ranks
/// of the layout call the same methods in the same order; what a method takes is the same on all tp and pp ranks of a
/// dp rank. Token tensors lie on the device of the setup. Errors are base::Error.
class Inference {
 public:
  /// Allocates the weights and nothing else. They are zero until state() is filled. Throws base::InputError in one
  /// sentence for a layout that the model does not fit.
  Inference(const ModelSetup& setup, const Groups& groups);
  /// `parts` must outlive it.
  explicit Inference(RankParts& parts);
  ~Inference();

  /// The weights that this rank computes with: parameters in the type of the arithmetic. A bf16 model computes as its
  /// training does when each weight is the stored one rounded to fp32, then to bf16, both to nearest even. Writing to
  /// those of a Trainer does not change its masters: fill Trainer::state() instead.
  std::vector<StateTensor> state();

  /// Computes the loss without dropout. The number of micro-batches and their shape may differ between dp ranks, and
  /// sequences may be shorter than the model's.
  Evaluation evaluate(std::span<const transformer::MicroBatch> micro_batches);
  /// Scores the targets of one micro-batch (-1 = none), whose length is at most the model's sequence. Sequences of
  /// causal models may be filled up behind their last target. Logits of at most some 64 MiB exist at a time. Each dp
  /// rank gets the scores of its own batch. The model must have an output head.
  Scores score(const transformer::MicroBatch& batch);
  /// The output of the last layer behind the final norm, if there is one, and in front of the head: (B, T, hidden),
  /// fp32 (fp64 in fp64), in host memory. Targets are not read and may be undefined. All tokens of a model with a full
  /// mask are seen, so batches of such a model hold sequences of one length.
  at::Tensor hidden(const transformer::MicroBatch& batch);
  /// What the pooler makes of each sequence's first hidden state (BERT): (B, hidden), likewise. Throws base::InputError
  /// for a model without one.
  at::Tensor pooled(const transformer::MicroBatch& batch);
  /// Starts to generate text. The result must not outlive this object. Throws base::InputError for a model that cannot
  /// write token by token.
  Generation generation();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace trireme::pipeline
