#include "models/optim/bucketer.hpp"

#include "base/error.hpp"
#include "models/layout/partition.hpp"
#include "models/parallel/data_type.hpp"

namespace trireme::optim {
namespace {

std::byte* address(const at::Tensor& flat, std::int64_t element) {
  return static_cast<std::byte*>(flat.mutable_data_ptr()) + element * static_cast<std::int64_t>(flat.element_size());
}

bool overlap(const layout::FlatRange& a, const layout::FlatRange& b) { return a.begin < b.end && b.begin < a.end; }

}  // namespace

Bucketer::Bucketer(parallel::ParameterStore& store, const std::vector<layout::FlatRange>& buckets,
                   std::int64_t late_from, bool partition, collectives::Communicator* dp)
    : store_(store), dp_(dp), partition_(partition) {
  const auto blocks = static_cast<int>(store.layout().blocks.size());
  for (const layout::FlatRange& range : buckets) {
    Bucket bucket;
    bucket.range = range;
    bucket.late = range.begin >= late_from;
    for (int block = 0; block < blocks; ++block) {
      if (overlap(range, range_of_block(block))) ++bucket.blocks;
    }
    buckets_.push_back(bucket);
  }
}

layout::FlatRange Bucketer::range_of_block(int block) const {
  return range_of(store_.layout().blocks[static_cast<std::size_t>(block)], store_.layout());
}

layout::FlatRange Bucketer::part(const Bucket& bucket) const {
  return layout::part_of(bucket.range, dp_->rank(), dp_->size());
}

void Bucketer::begin() {
  for (Bucket& bucket : buckets_) bucket.missing = bucket.blocks;
  next_ = 0;
}

void Bucketer::done(const std::vector<int>& blocks) {
  for (const int block : blocks) {
    const layout::FlatRange range = range_of_block(block);
    for (Bucket& bucket : buckets_) {
      if (overlap(bucket.range, range)) --bucket.missing;
    }
  }
  start_ready();
}

void Bucketer::start_ready() {
  if (alone()) return;
  while (next_ < buckets_.size() && !buckets_[next_].late && buckets_[next_].missing == 0) {
    running_.push_back(start(buckets_[next_++]));
  }
  test();
}

collectives::Request Bucketer::start(const Bucket& bucket) {
  const at::Tensor& grads = store_.flat_grads();
  const collectives::DataType type = parallel::data_type(grads);
  std::byte* data = address(grads, bucket.range.begin);
  if (!partition_) {
    return dp_->start_all_reduce(data, static_cast<std::size_t>(bucket.range.size()), type,
                                 collectives::ReduceOp::kSum);
  }
  const layout::FlatRange own = part(bucket);
  return dp_->start_reduce_scatter(data, address(grads, own.begin), static_cast<std::size_t>(own.size()), type,
                                   collectives::ReduceOp::kSum);
}

void Bucketer::test() {
  for (collectives::Request& request : running_) request.test();
}

void Bucketer::require_all_done() const {
  for (const Bucket& bucket : buckets_) {
    if (bucket.missing != 0) throw base::Error("backward ended before all gradients of this rank were done");
  }
}

void Bucketer::finish() {
  if (!alone()) {
    for (; next_ < buckets_.size(); ++next_) running_.push_back(start(buckets_[next_]));
  }
  wait();
}

void Bucketer::wait() {
  for (collectives::Request& request : running_) request.wait();
  running_.clear();
}

void Bucketer::gather_values() {
  if (!partition_ || alone()) return;
  const at::Tensor& values = store_.flat_values();
  std::vector<collectives::Gather> gathers;
  for (const Bucket& bucket : buckets_) {
    const layout::FlatRange own = part(bucket);
    gathers.push_back({address(values, own.begin), address(values, bucket.range.begin),
                       static_cast<std::size_t>(own.size()), parallel::data_type(values)});
  }
  running_ = dp_->start_all_gathers(gathers);
  wait();
}

}  // namespace trireme::optim
