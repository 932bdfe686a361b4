// Sequences of different lengths that grow token by token, in any layout, with key/value caches on every stage.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "models/pipeline/runner.hpp"
#include "models/spec/plan.hpp"

namespace trireme::pipeline {

/// All ranks of the layout call the same methods with the same arguments in the same order. Logits are fp32 on the CPU
/// of every rank. Attention runs over each sequence's own tokens, without padding, and everything else over the new
/// tokens of all sequences together. On CPUs with at most two tp ranks a sequence's logits have the same bits whatever
/// other sequences there are; more ranks may be added up in another order.
class Generation {
 public:
  /// `stage` and `model` must outlive it. `options`: type and device of the arithmetic. Throws base::InputError for a
  /// model whose tokens see those behind them.
  Generation(Stage& stage, const spec::ModelPlan& model, const at::TensorOptions& options);

  /// Makes room for a sequence of at most `capacity` tokens and returns its number, the lowest that is free. Throws
  /// base::InputError when the model has no positions for so many.
  int open(std::int64_t capacity);
  /// Appends tokens (at least one) to a sequence and returns the logits of the next one, (vocabulary). Long texts go
  /// through the model in pieces, so that memory does not grow with their length beyond the cache.
  at::Tensor append(int slot, std::span<const std::int64_t> tokens);
  /// Appends one token to each of these different sequences, which are not empty, and returns the logits of each one's
  /// next token, (sequences, vocabulary).
  at::Tensor advance(std::span<const int> slots, std::span<const std::int64_t> tokens);
  /// Frees a sequence's caches and its number.
  void release(int slot);
  /// Tokens of a sequence so far.
  std::int64_t length(int slot) const { return at(slot).tokens; }

 private:
  struct Sequence {
    std::int64_t tokens = 0;
    std::int64_t capacity = 0;
    std::vector<std::unique_ptr<transformer::KeyValueCache>> caches;  ///< one for each of the stage's chunks
  };
  /// New tokens of some sequences, one sequence's after another's.
  struct Rows {
    std::vector<Sequence*> sequences;
    std::vector<std::int64_t> counts;
    std::span<const std::int64_t> tokens;
  };

  const Sequence& at(int slot) const;
  Sequence& at(int slot) { return const_cast<Sequence&>(std::as_const(*this).at(slot)); }
  /// Throws the same on all ranks, so that none waits for another's activations.
  static void check_room(const Rows& rows);
  /// Computes the rows, and the logits of each sequence's last one when they are wanted.
  at::Tensor infer(const Rows& rows, bool logits);

  Stage& stage_;
  const spec::ModelPlan& model_;
  at::TensorOptions options_;
  std::map<int, Sequence> sequences_;
};

}  // namespace trireme::pipeline
