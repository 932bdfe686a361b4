// Sums gradients over the ranks that share a parameter, while backward is still running.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/layout/flat_range.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::optim {

struct ReducerOptions {
  std::vector<layout::FlatRange> buckets;  ///< what layout::cut_into_buckets() returned for the store
  bool partition = false;                  ///< ZeRO-1: each dp rank gets the sums of its own parts only
  bool sequence_parallel = false;
  bool embedding_is_head = false;  ///< whether this rank's embed.tokens is only the tied head, finished with it
  std::int64_t layers = 0;         ///< layers of the whole model
  std::string tied;                ///< a block whose other end lives on another stage, last in the store; "" = none
};

/// The communicators; any may be null (degree 1). `tied` joins the two ends of a tied embedding.
struct ReducerGroups {
  collectives::Communicator* tp = nullptr;
  collectives::Communicator* dp = nullptr;
  collectives::Communicator* tied = nullptr;
};

/// Sums the flat gradient buffer over dp, bucket by bucket. A bucket's sum starts when its last block is done and all
/// buckets before it have started; the buckets of the tied block come last, after both of its ends are done. Before
/// that, partial gradients (spec::Partial) and the shares of key/value heads that several ranks read are summed over
/// tp. Losses are scaled by global target counts, so everything is a plain sum. Under ZeRO dp rank r owns part r of dp
/// equal parts of each bucket.
class GradientReducer {
 public:
  GradientReducer(parallel::ParameterStore& store, const ReducerOptions& options, const ReducerGroups& groups);
  ~GradientReducer();

  /// Call it before the backward passes of the last micro-batch.
  void begin();
  /// Call it when the gradients of a block group are complete on this rank (transformer::Chunk::LayerDone's argument).
  void done(std::int64_t layer);
  /// Lets the sums under way progress. It is cheap; call it often.
  void test();
  /// Call it after the last backward pass: waits until all sums are there.
  void finish();
  /// Call it after the update. Under ZeRO it completes the values on every dp rank; otherwise it does nothing.
  void gather_values();

 private:
  struct Bucket {
    layout::FlatRange range;
    int blocks = 0;   ///< blocks that reach into the bucket
    int missing = 0;  ///< how many of them are not done in this step
    bool tied = false;
  };
  /// What a block group sums over tp, packed into one buffer.
  struct TensorSum {
    int parameter;
    bool key_heads;       ///< true: packed as the whole logical tensor, zero where this rank holds nothing
    std::int64_t offset;  ///< position in the buffer
    std::int64_t elements;
  };
  struct Group {
    std::int64_t layer;
    std::vector<int> blocks;
    std::vector<TensorSum> sums;
    std::int64_t sum_elements = 0;
  };

  Group& group(std::int64_t layer);
  void plan_sums(Group& group);
  void sum_over_tp(const Group& group);
  void sum_tied_ends();
  void start_ready();
  collectives::Request start(const Bucket& bucket);
  layout::FlatRange part(const Bucket& bucket) const;

  parallel::ParameterStore& store_;
  ReducerOptions options_;
  ReducerGroups groups_;
  std::vector<Bucket> buckets_;
  std::vector<Group> block_groups_;
  std::size_t next_ = 0;  ///< the first bucket that has not started
  std::vector<collectives::Request> running_;
};

}  // namespace trireme::optim
