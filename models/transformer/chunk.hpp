// A chunk of the transformer on one rank. Forward and backward are written out, without an autograd graph. What
// backward needs is in one Activations object per micro-batch, so the pipeline decides what exists when, and gradients
// go straight into the flat buffer.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "collectives/communicator.hpp"
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
struct MicroBatch {
  at::Tensor tokens;                  ///< (B, T)
  at::Tensor targets;                 ///< (B, T); -1 = no loss here
  std::vector<std::int64_t> samples;  ///< B sample numbers; they key dropout
  std::int64_t step = 0;              ///< keys dropout, too
  double loss_scale = 1.0;            ///< gradient of the reported loss sum: 1 / targets in the global batch
};

/// What forward keeps for backward; opaque. Destroying it frees the memory.
class Activations {
 public:
  virtual ~Activations() = default;
};

/// Keys and values of the tokens seen so far in generation, for every layer of a chunk; opaque.
class KeyValueCache {
 public:
  virtual ~KeyValueCache() = default;
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

  std::unique_ptr<KeyValueCache> make_cache(std::int64_t batch, std::int64_t max_tokens);
  /// Appends tokens_BT (T new positions) to the cache. Returns the output, or with the head the logits of the last
  /// position, (B, vocabulary), complete on every tp rank. Never sequence parallel.
  at::Tensor infer(const at::Tensor& tokens_BT, const at::Tensor& input_TBD, KeyValueCache& cache);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace trireme::transformer
