#include "models/optim/muon.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

namespace trireme::optim {
namespace {

int size_of(const collectives::Communicator* group) { return group == nullptr ? 1 : group->size(); }

double scale_of(MuonScale scale, const topology::Shape& shape) {
  const auto rows = static_cast<double>(shape[0]), columns = static_cast<double>(shape[1]);
  if (scale == MuonScale::kOriginal) return std::sqrt(std::max(1.0, rows / columns));
  return 0.2 * std::sqrt(std::max(rows, columns));
}

}  // namespace

Muon::Muon(const RuleOptions& options, const layout::FlatLayout& layout, const std::vector<int>& matrices,
           const layout::PackedRanges& ranges, const MuonRanks& ranks, const at::TensorOptions& grads)
    : options_(options),
      exchange_(layout, plan_muon(layout, matrices, size_of(ranks.tp), size_of(ranks.dp)), ranks, grads) {
  const MuonPlan plan = plan_muon(layout, matrices, size_of(ranks.tp), size_of(ranks.dp));
  work_ = at::zeros({plan.elements}, grads);
  for (const MuonMatrix& matrix : plan.matrices) {
    const layout::FlatParameter& parameter = layout.parameters[static_cast<std::size_t>(matrix.parameter)];
    for (const layout::FlatRange& range : layout::intersect({layout::range_of(parameter)}, ranges.ranges())) {
      pieces_.push_back({range.begin, ranges.packed(range.begin), matrix.slice + range.begin - parameter.flat_offset,
                         range.size(), parameter.tensor.decay, scale_of(options.muon_scale, parameter.tensor.shape)});
    }
  }
}

const std::vector<std::string>& Muon::slot_names() const {
  static const std::vector<std::string> names{"muon_momentum"};
  return names;
}

void Muon::update(const RuleStep& step, const RuleBuffers& buffers) {
  average_gradients(step, buffers);
  exchange_.collect(work_);
  for (at::Tensor& matrix : exchange_.wholes()) newton_schulz_.orthogonalise(matrix);
  exchange_.distribute(work_);
  apply(step, buffers);
}

void Muon::average_gradients(const RuleStep& step, const RuleBuffers& buffers) {
  for (const Piece& piece : pieces_) {
    at::Tensor update = work_.narrow(0, piece.work, piece.count);
    const at::Tensor average = buffers.slots.at(0).narrow(0, piece.packed, piece.count);
    update.copy_(buffers.grads.narrow(0, piece.flat, piece.count)).mul_(step.gradient_scale);
    average.lerp_(update, 1.0 - options_.momentum);
    if (options_.nesterov) {
      update.lerp_(average, options_.momentum);
    } else {
      update.copy_(average);
    }
  }
}

void Muon::apply(const RuleStep& step, const RuleBuffers& buffers) {
  const bool masters = buffers.rounded.defined();
  for (const Piece& piece : pieces_) {
    const at::Tensor values = buffers.values.narrow(0, masters ? piece.packed : piece.flat, piece.count);
    if (piece.decays) values.mul_(1.0 - step.lr * step.weight_decay);
    values.sub_(work_.narrow(0, piece.work, piece.count), step.lr * piece.scale);
    if (masters) buffers.rounded.narrow(0, piece.flat, piece.count).copy_(values);
  }
}

}  // namespace trireme::optim
