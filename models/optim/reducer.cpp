#include "models/optim/reducer.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "base/error.hpp"
#include "models/layout/partition.hpp"
#include "models/parallel/data_type.hpp"

namespace trireme::optim {
namespace {

int size_of(const collectives::Communicator* group) { return group == nullptr ? 1 : group->size(); }

std::byte* address(const at::Tensor& flat, std::int64_t element) {
  return static_cast<std::byte*>(flat.mutable_data_ptr()) + element * static_cast<std::int64_t>(flat.element_size());
}

/// The number that LayerDone has for the block group of `first`, a block's first member.
std::int64_t group_of(const parallel::Parameter& first, const ReducerOptions& options) {
  if (first.tensor.place == spec::Place::kLayer) return first.tensor.layer;
  if (first.tensor.place == spec::Place::kHead) return options.layers;
  return options.embedding_is_head ? options.layers : -1;
}

bool overlap(const layout::FlatRange& a, const layout::FlatRange& b) { return a.begin < b.end && b.begin < a.end; }

}  // namespace

GradientReducer::GradientReducer(parallel::ParameterStore& store, const ReducerOptions& options,
                                 const ReducerGroups& groups)
    : store_(store), options_(options), groups_(groups) {
  const auto& blocks = store.layout().blocks;
  const std::int64_t tied_begin = options_.tied.empty() ? store.layout().elements : blocks.back().flat_offset;
  for (const layout::FlatRange& range : options_.buckets) {
    Bucket bucket;
    bucket.range = range;
    bucket.tied = range.begin >= tied_begin;
    buckets_.push_back(bucket);
  }
  for (std::size_t index = 0; index < blocks.size(); ++index) {
    const auto& first = store.parameters()[static_cast<std::size_t>(blocks[index].members.front())];
    group(group_of(first, options_)).blocks.push_back(static_cast<int>(index));
    for (Bucket& bucket : buckets_) {
      if (overlap(bucket.range, range_of(blocks[index], store.layout()))) ++bucket.blocks;
    }
  }
  for (Group& each : block_groups_) plan_sums(each);
}

GradientReducer::~GradientReducer() = default;

GradientReducer::Group& GradientReducer::group(std::int64_t layer) {
  for (Group& each : block_groups_) {
    if (each.layer == layer) return each;
  }
  block_groups_.push_back({layer, {}, {}, 0});
  return block_groups_.back();
}

void GradientReducer::plan_sums(Group& group) {
  if (size_of(groups_.tp) == 1) return;
  for (const int block : group.blocks) {
    for (const int member : store_.layout().blocks[static_cast<std::size_t>(block)].members) {
      const parallel::Parameter& parameter = store_.parameters()[static_cast<std::size_t>(member)];
      const bool heads = parameter.tensor.split == spec::Split::kKeyHeads &&
                         spec::shares_key_heads(parameter.tensor.heads, size_of(groups_.tp));
      const bool partial = parameter.tensor.partial == spec::Partial::kAlways ||
                           (options_.sequence_parallel && parameter.tensor.partial == spec::Partial::kSequence);
      if (!heads && !partial) continue;
      const std::int64_t elements = heads ? topology::elements_of(parameter.tensor.shape) : parameter.box.elements();
      group.sums.push_back({member, heads, group.sum_elements, elements});
      group.sum_elements += elements;
    }
  }
}

void GradientReducer::sum_over_tp(const Group& group) {
  if (group.sums.empty()) return;
  const at::Tensor packed = at::zeros({group.sum_elements}, store_.flat_grads().options());
  std::vector<at::Tensor> places;
  for (const TensorSum& sum : group.sums) {
    const parallel::Parameter& parameter = store_.parameters()[static_cast<std::size_t>(sum.parameter)];
    at::Tensor place = packed.narrow(0, sum.offset, sum.elements);
    if (sum.key_heads) {
      place = place.view(parameter.tensor.shape).narrow(0, parameter.box.offset[0], parameter.box.size[0]);
    } else {
      place = place.view(parameter.box.size);
    }
    place.copy_(parameter.grad);
    places.push_back(place);
  }
  groups_.tp->all_reduce(packed.mutable_data_ptr(), static_cast<std::size_t>(group.sum_elements),
                         parallel::data_type(packed));
  for (std::size_t index = 0; index < places.size(); ++index) {
    const auto parameter = static_cast<std::size_t>(group.sums[index].parameter);
    store_.parameters()[parameter].grad.copy_(places[index]);
  }
}

layout::FlatRange GradientReducer::part(const Bucket& bucket) const {
  return layout::part_of(bucket.range, groups_.dp->rank(), groups_.dp->size());
}

void GradientReducer::begin() {
  for (Bucket& bucket : buckets_) bucket.missing = bucket.blocks;
  next_ = 0;
}

void GradientReducer::done(std::int64_t layer) {
  const Group& finished = group(layer);
  for (const int index : finished.blocks) store_.blocks()[static_cast<std::size_t>(index)].finish();
  sum_over_tp(finished);
  for (const int index : finished.blocks) {
    const layout::FlatRange range = range_of(store_.layout().blocks[static_cast<std::size_t>(index)], store_.layout());
    for (Bucket& bucket : buckets_) {
      if (overlap(bucket.range, range)) --bucket.missing;
    }
  }
  start_ready();
}

void GradientReducer::start_ready() {
  if (size_of(groups_.dp) == 1) return;
  while (next_ < buckets_.size() && !buckets_[next_].tied && buckets_[next_].missing == 0) {
    running_.push_back(start(buckets_[next_++]));
  }
  test();
}

collectives::Request GradientReducer::start(const Bucket& bucket) {
  const at::Tensor& grads = store_.flat_grads();
  const collectives::DataType type = parallel::data_type(grads);
  std::byte* data = address(grads, bucket.range.begin);
  if (!options_.partition) {
    return groups_.dp->start_all_reduce(data, static_cast<std::size_t>(bucket.range.size()), type,
                                        collectives::ReduceOp::kSum);
  }
  const layout::FlatRange own = part(bucket);
  return groups_.dp->start_reduce_scatter(data, address(grads, own.begin), static_cast<std::size_t>(own.size()), type,
                                          collectives::ReduceOp::kSum);
}

void GradientReducer::test() {
  for (collectives::Request& request : running_) request.test();
}

/// Called only when nothing is sent between the stages any more. The far end is done long before the near one, and its
/// wait must not delay the gradients that the near one needs.
void GradientReducer::sum_tied_ends() {
  if (groups_.tied == nullptr) return;
  const layout::FlatRange range = range_of(store_.layout().blocks.back(), store_.layout());
  const at::Tensor& grads = store_.flat_grads();
  groups_.tied->all_reduce(address(grads, range.begin), static_cast<std::size_t>(range.size()),
                           parallel::data_type(grads));
}

void GradientReducer::finish() {
  for (const Bucket& bucket : buckets_) {
    if (bucket.missing != 0) throw base::Error("backward ended before all gradients of this rank were done");
  }
  sum_tied_ends();
  if (size_of(groups_.dp) > 1) {
    for (; next_ < buckets_.size(); ++next_) running_.push_back(start(buckets_[next_]));
  }
  for (collectives::Request& request : running_) request.wait();
  running_.clear();
}

void GradientReducer::gather_values() {
  if (!options_.partition || size_of(groups_.dp) == 1) return;
  const at::Tensor& values = store_.flat_values();
  std::vector<collectives::Gather> gathers;
  for (const Bucket& bucket : buckets_) {
    const layout::FlatRange own = part(bucket);
    gathers.push_back({address(values, own.begin), address(values, bucket.range.begin),
                       static_cast<std::size_t>(own.size()), parallel::data_type(values)});
  }
  running_ = groups_.dp->start_all_gathers(gathers);
  for (collectives::Request& request : running_) request.wait();
  running_.clear();
}

}  // namespace trireme::optim
