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
  std::vector<layout::FlatRange> buckets;  ///< layout::cut_into_buckets() of the store
  bool partition = false;                  ///< ZeRO-1: each dp rank ends with the sums of its own parts only
  bool sequence_parallel = false;
  bool shared_key_heads = false;   ///< some key/value heads are held by more than one tp rank
  bool embedding_is_head = false;  ///< this rank's embed.tokens is only the tied head, finished with it
  std::int64_t layers = 0;         ///< of the model
  std::string tied;                ///< a block whose other end lives on another stage, last in the store; "" = none
};

/// Any may be null (degree 1). `tied`: the two ends of a tied embedding.
struct ReducerGroups {
  collectives::Communicator* tp = nullptr;
  collectives::Communicator* dp = nullptr;
  collectives::Communicator* tied = nullptr;
};

/// The flat gradient buffer is cut into buckets. When the last block in a bucket is done, and all buckets before it
/// have started, its sum over dp starts; the tied block's buckets come last, after both ends are done. Before that,
/// over tp: the parts of sequence-partial gradients, and the shares of key/value heads that several ranks read. Losses
/// are scaled by global target counts, so everything is a plain sum. Under ZeRO dp rank r owns the r-th of dp equal
/// parts of each bucket.
class GradientReducer {
 public:
  GradientReducer(parallel::ParameterStore& store, const ReducerOptions& options, const ReducerGroups& groups);
  ~GradientReducer();

  /// Before the backward passes of the last micro-batch.
  void begin();
  /// The gradients of a block group are complete on this rank (transformer::Chunk::LayerDone's argument).
  void done(std::int64_t layer);
  /// Progress for what is under way; cheap; to be called often.
  void test();
  /// After the last backward pass: waits until all sums are there.
  void finish();
  /// Under ZeRO, after the update: completes the values on every dp rank. Nothing otherwise.
  void gather_values();

 private:
  struct Bucket {
    layout::FlatRange range;
    int blocks = 0;   ///< that reach into it
    int missing = 0;  ///< of them, not done in this step
    bool tied = false;
  };
  /// What a block group sums over tp, packed into one buffer.
  struct TensorSum {
    int parameter;
    bool key_heads;       ///< packed as the whole logical tensor, zero where this rank holds nothing
    std::int64_t offset;  ///< in the buffer
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
  std::size_t next_ = 0;  ///< first bucket that has not started
  std::vector<collectives::Request> running_;
};

}  // namespace trireme::optim
