#include "models/optim/optimizer.hpp"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/error.hpp"
#include "models/kernels/cpu/adamw.hpp"

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
  const std::vector<layout::FlatRange> decay = layout::decay_ranges(store.layout());
  const std::vector<layout::FlatRange> plain = complement(decay, store.flat_values().numel());
  for (const layout::FlatRange& range : layout::intersect(own_, decay))
    pieces_.push_back({range, packed(range.begin), true});
  for (const layout::FlatRange& range : layout::intersect(own_, plain))
    pieces_.push_back({range, packed(range.begin), false});
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

void Optimizer::update(double lr, double factor) {
  ++steps_;
  if (m_.is_cpu()) {
    for (const Piece& piece : pieces_) update_host(piece, lr, factor);
  } else {
    update_device(lr, factor);
  }
}

void Optimizer::update_host(const Piece& piece, double lr, double factor) {
  kernels::cpu::AdamWStep step;
  step.lr = lr;
  step.beta1 = options_.beta1;
  step.beta2 = options_.beta2;
  step.eps = options_.eps;
  step.weight_decay = piece.decay ? options_.weight_decay : 0.0;
  step.correction1 = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  step.correction2 = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  step.gradient_scale = factor;
  const std::int64_t count = piece.flat.size();
  const std::int64_t at = piece.flat.begin;
  at::Tensor& values = store_.flat_values();
  const at::Tensor& grads = store_.flat_grads();
  if (grads.scalar_type() == at::kDouble) {
    kernels::cpu::adamw(step, count, values.mutable_data_ptr<double>() + at, grads.const_data_ptr<double>() + at,
                        m_.mutable_data_ptr<double>() + piece.packed, v_.mutable_data_ptr<double>() + piece.packed);
    return;
  }
  float* m = m_.mutable_data_ptr<float>() + piece.packed;
  float* v = v_.mutable_data_ptr<float>() + piece.packed;
  const float* grad = grads.const_data_ptr<float>() + at;
  if (has_masters()) {
    auto* rounded = static_cast<std::uint16_t*>(values.mutable_data_ptr()) + at;
    kernels::cpu::adamw(step, count, masters_.mutable_data_ptr<float>() + piece.packed, grad, m, v, rounded);
  } else {
    kernels::cpu::adamw(step, count, values.mutable_data_ptr<float>() + at, grad, m, v);
  }
}

void Optimizer::update_device(double lr, double factor) {
  // The fused kernel's own grad_scale is fp32 and divides, so here the gradients are scaled in place.
  const bool scale = factor != 1.0;
  for (const bool decay : {true, false}) {
    std::vector<at::Tensor> values, grads, m, v, steps;
    for (const Piece& piece : pieces_) {
      if (piece.decay != decay) continue;
      const std::int64_t count = piece.flat.size();
      values.push_back(has_masters() ? masters_.narrow(0, piece.packed, count)
                                     : store_.flat_values().narrow(0, piece.flat.begin, count));
      grads.push_back(store_.flat_grads().narrow(0, piece.flat.begin, count));
      if (scale) grads.back().mul_(factor);
      m.push_back(m_.narrow(0, piece.packed, count));
      v.push_back(v_.narrow(0, piece.packed, count));
      steps.push_back(at::full({}, static_cast<double>(steps_), m_.options().dtype(at::kFloat)));
    }
    if (values.empty()) continue;
    at::_fused_adamw_(values, grads, m, v, {}, steps, lr, options_.beta1, options_.beta2,
                      decay ? options_.weight_decay : 0.0, options_.eps, false, false);
  }
  publish_masters();
}

void Optimizer::publish_masters() {
  if (!has_masters()) return;
  for (std::size_t index = 0; index < own_.size(); ++index) {
    const std::int64_t count = own_[index].size();
    store_.flat_values().narrow(0, own_[index].begin, count).copy_(masters_.narrow(0, packed_[index], count));
  }
}

}  // namespace trireme::optim
