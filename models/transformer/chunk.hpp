// A chunk of the transformer on one rank. Forward and backward are written out, without an autograd graph. What
// backward needs is in one Activations object per micro-batch, so the pipeline decides what exists when, and gradients
// go straight into the flat buffer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/parallel/head_loss.hpp"
#include "models/parallel/parameters.hpp"
#include "models/schedule/assignment.hpp"
#include "models/spec/plan.hpp"

namespace trireme::transformer {

enum class Recompute {
  kNone,
  kSelective,  ///< attention's and the activation function's inner results are computed again in backward
  kFull,       ///< only each layer's input is kept
};

/// How the chunk shares its work. `tp` may be null (degree 1).
struct ChunkContext {
  collectives::Communicator* tp = nullptr;
  bool sequence_parallel = false;  ///< activations between blocks hold sequence/tp positions per rank
  Recompute recompute = Recompute::kNone;
  std::uint64_t seed = 0;  ///< seed of dropout
};

/// The input of one forward pass: B sequences of T tokens, int64 on the chunk's device.
///
/// A sequence may hold several documents, one after another (a packed sample). A token then sees only tokens of its own
/// document, and learned and rotary positions count from the document's first token. `starts`, int32, has for each
/// token the position in the sequence of its document's first token: 0 0 0 3 3 for documents of three and two tokens.
struct MicroBatch {
  at::Tensor tokens;                  ///< (B, T)
  at::Tensor targets;                 ///< (B, T); -1 = no loss here
  at::Tensor types;                   ///< (B, T): token types, below plan.embedding.token_types; undefined: all 0
  at::Tensor starts;                  ///< (B, T), int32; undefined: each sequence is one document
  std::vector<std::int64_t> samples;  ///< B sample numbers; they key dropout
  std::int64_t step = 0;              ///< keys dropout, too
  double loss_scale = 1.0;            ///< gradient of the reported loss sum: 1 / targets in the global batch
};

/// What forward keeps for backward; opaque. Destroying it frees the memory.
class Activations {
 public:
  virtual ~Activations() = default;
};

/// Keys and values of one sequence's tokens so far, for every layer of a chunk; opaque.
class KeyValueCache {
 public:
  virtual ~KeyValueCache() = default;
};

/// New tokens of a sequence that has a cache.
struct NewTokens {
  KeyValueCache* cache = nullptr;
  std::int64_t count = 0;
};

/// Shapes: x_TBD = (T, B, D), with T divided by tp under sequence parallel. T comes first, so that gathering along the
/// sequence is a concatenation.
class Chunk {
 public:
  /// `parameters` must hold the blocks of layout::block_plan() for this chunk and outlive it.
  Chunk(const spec::ModelPlan& plan, const schedule::ChunkLayers& chunk, const ChunkContext& context,
        parallel::ParameterStore& parameters);
  ~Chunk();
  Chunk(Chunk&&) noexcept;

  struct ForwardResult {
    at::Tensor output_TBD;  ///< undefined when the chunk has the head
    at::Tensor loss_sum;    ///< fp64 scalar on the device, sum over this micro-batch's targets (the same on every tp
                            ///< rank); undefined without the head
    std::unique_ptr<Activations> activations;
  };
  /// The forward pass of training. `input_TBD` is undefined when the chunk has the embedding. With the head, the
  /// gradients of the logits, of the head's weight and of the head's input are computed here too, scaled by loss_scale
  /// (slice by slice; logits are never stored).
  ForwardResult forward(const MicroBatch& batch, const at::Tensor& input_TBD);

  /// Called in backward after the gradients of one block group are complete for this micro-batch:
  /// the global layer index, or -1 for the embedding, or plan.layer_count() for final norm and head.
  using LayerDone = std::function<void(std::int64_t layer)>;
  /// Adds to the gradients and returns the gradient of the input (undefined with the embedding). `grad_TBD` is
  /// undefined with the head.
  at::Tensor backward(std::unique_ptr<Activations> activations, const at::Tensor& grad_TBD, const LayerDone& done);

  /// Returns the output, or with the head the loss sum, without gradients and dropout. Where tp does not divide T,
  /// sequence parallel is off for this batch: activations (input and output too) then hold all positions.
  ForwardResult evaluate(const MicroBatch& batch, const at::Tensor& input_TBD);
  /// Works like evaluate(), but with the head it returns all logits (T, B, vocabulary of this rank) in output_TBD. For
  /// tests and tools.
  at::Tensor logits(const MicroBatch& batch, const at::Tensor& input_TBD);
  /// Works like evaluate(), but with the head it sets `scores`, the same on every tp rank, and returns nothing.
  at::Tensor score(const MicroBatch& batch, const at::Tensor& input_TBD, parallel::HeadScores& scores);
  /// Works like evaluate(), but the last chunk returns the hidden states, (T, B, D), whole on every tp rank: the last
  /// layer's output after the final norm. Needs no targets, and no output head.
  at::Tensor hidden(const MicroBatch& batch, const at::Tensor& input_TBD);
  /// On the last chunk: tanh(W x + b) of the hidden states of each sequence's first position (B, D), which need not
  /// come from this rank. Every tp rank holds the whole pooler and computes the same. Throws base::InputError for a
  /// model without one.
  at::Tensor pooled(const at::Tensor& first_BD);

  /// Throws base::InputError for a model whose tokens see those behind them, or without an output head.
  static void check_generation(const spec::ModelPlan& plan);
  /// An empty cache for at most `capacity` tokens. Throws base::InputError when the model has no positions for so many.
  std::unique_ptr<KeyValueCache> make_cache(std::int64_t capacity);
  /// Appends tokens_N, int64 on the chunk's device, to the caches: `sequences[0].count` tokens of the first of these
  /// different sequences, then those of the next. Returns the output, (N, 1, D), or with the head, if `logits` are
  /// wanted, those of each sequence's last token, (sequences, vocabulary), complete on every tp rank. Never sequence
  /// parallel.
  at::Tensor infer(const at::Tensor& tokens_N, const at::Tensor& input_N1D, std::span<const NewTokens> sequences,
                   bool logits);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace trireme::transformer
