#include "io/tokens/prefetcher.hpp"

#include <algorithm>
#include <utility>

namespace trireme::tokens {

Prefetcher::Prefetcher(const DataSource& source, BatchPlan plan, std::int64_t replica, std::uint64_t consumed,
                       SkippedSamples skipped, std::size_t depth)
    : source_(source),
      plan_(plan),
      replica_(replica),
      skipped_(std::move(skipped)),
      depth_(std::max<std::size_t>(1, depth)) {
  plan_.check();
  thread_ = std::thread([this, consumed] { work(consumed); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

PlannedBatch Prefetcher::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || failure_; });
  if (ready_.empty()) std::rethrow_exception(failure_);
  PlannedBatch batch = std::move(ready_.front());
  ready_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return batch;
}

bool Prefetcher::put(PlannedBatch batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stop_ || ready_.size() < depth_; });
  if (stop_) return false;
  ready_.push_back(std::move(batch));
  lock.unlock();
  changed_.notify_all();
  return true;
}

void Prefetcher::work(std::uint64_t consumed) {
  const auto global_batch = static_cast<std::uint64_t>(plan_.global_batch);
  try {
    while (true) {
      const std::vector<std::uint64_t> batch = skipped_.take(consumed, global_batch);
      const std::uint64_t targets = source_.targets(batch);
      for (std::int64_t k = 0; k < plan_.micro_batches(); ++k) {
        if (!put({source_.read(plan_.samples(batch, replica_, k)), {batch.front(), batch.back()}, k, targets})) return;
      }
      consumed = batch.back() + 1;
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    failure_ = std::current_exception();
  }
  changed_.notify_all();
}

}  // namespace trireme::tokens
