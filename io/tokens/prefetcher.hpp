// Reads the next micro-batches of one replica while the current one is being worked on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>

#include "io/tokens/batch_plan.hpp"
#include "io/tokens/data_source.hpp"
#include "io/tokens/skipped_samples.hpp"

namespace trireme::tokens {

/// A micro-batch, and facts about the global batch that it belongs to.
struct PlannedBatch {
  Batch batch;
  SampleRange samples;               ///< first and last of the global batch
  std::int64_t micro_batch = 0;      ///< k, from 0
  std::uint64_t global_targets = 0;  ///< targets that count in the global batch, over all replicas
};

/// Reads in a thread of its own, step after step, the micro-batches 0 … micro_batches()-1 of `replica`.
class Prefetcher {
 public:
  /// Begins after `consumed` samples and leaves `skipped` out. `source` must outlive this object. At most `depth` (>=
  /// 1) batches wait.
  Prefetcher(const DataSource& source, BatchPlan plan, std::int64_t replica, std::uint64_t consumed,
             SkippedSamples skipped = {}, std::size_t depth = 4);
  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;
  /// Stops the thread after its present read.
  ~Prefetcher();

  /// Returns the next micro-batch, and waits for it. Throws what reading it threw, also at every later call.
  PlannedBatch next();

 private:
  void work(std::uint64_t consumed);
  bool put(PlannedBatch batch);

  const DataSource& source_;
  const BatchPlan plan_;
  const std::int64_t replica_;
  const SkippedSamples skipped_;
  const std::size_t depth_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<PlannedBatch> ready_;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace trireme::tokens
