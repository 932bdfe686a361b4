#include "models/optim/optimizer.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.hpp"
#include "models/kernels/kernels.hpp"
#include "models/optim/pieces.hpp"

namespace trireme::optim {
namespace {

std::vector<layout::FlatRange> complement(const std::vector<layout::FlatRange>& ranges, std::int64_t total) {
  std::vector<layout::FlatRange> rest;
  std::int64_t begin = 0;
  for (const layout::FlatRange& range : ranges) {
    if (range.begin > begin) rest.push_back({begin, range.begin});
    begin = range.end;
  }
  if (begin < total) rest.push_back({begin, total});
  return rest;
}

}  // namespace

double clip_factor(double norm, double clip) { return clip > 0.0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0; }

Optimizer::Optimizer(parallel::ParameterStore& store, const AdamWOptions& options, std::vector<layout::FlatRange> own)
    : store_(store), options_(options), own_(std::move(own)) {
  std::int64_t total = 0;
  for (const layout::FlatRange& range : own_) {
    packed_.push_back(total);
    total += range.size();
  }
  pieces_ = pieces();
  const at::Tensor& grads = store.flat_grads();
  m_ = at::zeros({total}, grads.options());
  v_ = at::zeros({total}, grads.options());
  if (store.flat_values().scalar_type() != grads.scalar_type()) masters_ = at::zeros({total}, grads.options());
}

std::int64_t Optimizer::packed(std::int64_t flat) const {
  const auto after = std::upper_bound(own_.begin(), own_.end(), flat,
                                      [](std::int64_t at, const layout::FlatRange& range) { return at < range.begin; });
  const auto index = static_cast<std::size_t>(after - own_.begin());
  if (index == 0 || flat >= own_[index - 1].end) {
    throw base::Error(base::str("flat element ", flat, " is not updated by this rank"));
  }
  return packed_[index - 1] + flat - own_[index - 1].begin;
}

at::Tensor Optimizer::pieces() const {
  const std::vector<layout::FlatRange> decay = layout::decay_ranges(store_.layout());
  const std::vector<layout::FlatRange> plain = complement(decay, store_.flat_values().numel());
  const at::Device device = store_.flat_values().device();
  std::vector<std::int64_t> numbers;
  for (const bool decayed : {true, false}) {
    for (const layout::FlatRange& range : cut_for(device, layout::intersect(own_, decayed ? decay : plain))) {
      numbers.insert(numbers.end(), {range.begin, packed(range.begin), range.size(), decayed ? 1 : 0});
    }
  }
  return rows_on(device, numbers, 4);
}

void Optimizer::update(double lr, double factor) {
  ++steps_;
  kernels::cpu::AdamWStep step;
  step.lr = lr;
  step.beta1 = options_.beta1;
  step.beta2 = options_.beta2;
  step.eps = options_.eps;
  step.weight_decay = options_.weight_decay;
  step.correction1 = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  step.correction2 = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  step.gradient_scale = factor;
  kernels::AdamWBuffers buffers{store_.flat_values(), store_.flat_grads(), m_, v_, {}};
  if (has_masters()) {
    buffers.value = masters_;
    buffers.rounded = store_.flat_values();
  }
  kernels::adamw(step, pieces_, buffers);
}

void Optimizer::publish_masters() {
  if (!has_masters()) return;
  for (std::size_t index = 0; index < own_.size(); ++index) {
    const std::int64_t count = own_[index].size();
    store_.flat_values().narrow(0, own_[index].begin, count).copy_(masters_.narrow(0, packed_[index], count));
  }
}

}  // namespace trireme::optim
