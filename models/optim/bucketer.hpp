// Sums the flat gradient buffer over dp, bucket by bucket, while backward is still running.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "collectives/communicator.hpp"
#include "models/layout/flat_range.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::optim {

/// A bucket's sum starts when its last block is done and all buckets before it have started. Buckets that begin at
/// `late_from` or behind it start in finish() only. Losses are scaled by global target counts, so everything is a plain
/// sum. When partitioned (ZeRO), dp rank r owns part r of dp equal parts of each bucket.
class Bucketer {
 public:
  /// `buckets`: what layout::cut_into_buckets() returned for the store. `dp` may be null (degree 1); it and the store
  /// must outlive this object.
  Bucketer(parallel::ParameterStore& store, const std::vector<layout::FlatRange>& buckets, std::int64_t late_from,
           bool partition, collectives::Communicator* dp);

  /// Call it at the beginning of a step.
  void begin();
  /// Call it when the gradients of these blocks (indices into the store's) are complete on this rank, and summed over
  /// what else shares them. Starts the sums that are ready.
  void done(const std::vector<int>& blocks);
  /// Lets the sums under way progress. It is cheap; call it often.
  void test();
  /// Throws base::Error when a block was not done in this step.
  void require_all_done() const;
  /// Starts the sums that have not started, and waits until all are there.
  void finish();
  /// Completes the values on every dp rank after an update when they are partitioned; otherwise it does nothing.
  void gather_values();

 private:
  struct Bucket {
    layout::FlatRange range;
    int blocks = 0;   ///< blocks that reach into the bucket
    int missing = 0;  ///< how many of them are not done in this step
    bool late = false;
  };

  bool alone() const { return dp_ == nullptr || dp_->size() == 1; }
  void start_ready();
  collectives::Request start(const Bucket& bucket);
  void wait();
  layout::FlatRange part(const Bucket& bucket) const;
  layout::FlatRange range_of_block(int block) const;

  parallel::ParameterStore& store_;
  collectives::Communicator* dp_;
  bool partition_;
  std::vector<Bucket> buckets_;
  std::size_t next_ = 0;  ///< the first bucket that has not started
  std::vector<collectives::Request> running_;
};

}  // namespace trireme::optim
