// Sums gradients over the ranks that share a parameter, in the order in which backward finishes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/layout/flat_range.hpp"
#include "models/optim/bucketer.hpp"
#include "models/optim/tensor_sums.hpp"
#include "models/optim/tied_sum.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::optim {

struct ReducerOptions {
  std::vector<layout::FlatRange> buckets;  ///< what layout::cut_into_buckets() returned for the store
  bool partition = false;                  ///< ZeRO-1: each dp rank gets the sums of its own parts only
  bool sequence_parallel = false;
  bool embedding_is_head = false;  ///< whether this rank's embed.tokens is only the tied head, finished with it
  std::int64_t layers = 0;         ///< layers of the whole model
  std::string tied;  ///< a block whose other end lives on another stage, the last with gradients; "" = none
};

/// The communicators; any may be null (degree 1). `tied` joins the two ends of a tied embedding.
struct ReducerGroups {
  collectives::Communicator* tp = nullptr;
  collectives::Communicator* dp = nullptr;
  collectives::Communicator* tied = nullptr;
};

/// Knows which blocks a layer's backward finishes, and hands them on: first to their sums over tp (TensorSums), then to
/// those over dp (Bucketer); the tied block's sum over its two ends (TiedSum) comes between them, at the end.
class GradientReducer {
 public:
  GradientReducer(parallel::ParameterStore& store, const ReducerOptions& options, const ReducerGroups& groups);

  /// Call it before the backward passes of the last micro-batch.
  void begin() { bucketer_.begin(); }
  /// Call it when the gradients of a block group are complete on this rank (transformer::Chunk::LayerDone's argument).
  void done(std::int64_t layer);
  /// Lets the sums under way progress. It is cheap; call it often.
  void test() { bucketer_.test(); }
  /// Call it after the last backward pass: waits until all sums are there.
  void finish();
  /// Call it after the update. Under ZeRO it completes the values on every dp rank; otherwise it does nothing.
  void gather_values() { bucketer_.gather_values(); }

 private:
  struct Group {
    std::int64_t layer;
    std::vector<int> blocks;
    TensorSums sums;
  };

  parallel::ParameterStore& store_;
  std::vector<Group> groups_;
  TiedSum tied_sum_;
  Bucketer bucketer_;
};

}  // namespace trireme::optim
