#include "models/optim/optimizer.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <map>
#include <utility>

#include "models/optim/pieces.hpp"

namespace trireme::optim {

double clip_factor(double norm, double clip) { return clip > 0.0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0; }

Optimizer::Optimizer(parallel::ParameterStore& store, const std::vector<OptimizerGroup>& groups,
                     const std::vector<layout::FlatRange>& own, const MuonRanks& ranks)
    : store_(store) {
  for (std::size_t index = 0; index < groups.size(); ++index) {
    const std::vector<layout::FlatRange> theirs = layout::group_ranges(store.layout(), index);
    if (groups[index].parameters.trainable) {
      add_group(groups[index], index, layout::intersect(theirs, own), ranks);
    } else {
      add_part(groups[index], nullptr, theirs);
    }
  }
}

void Optimizer::add_group(const OptimizerGroup& group, std::size_t index, const std::vector<layout::FlatRange>& ranges,
                          const MuonRanks& muon) {
  if (group.rule.kind != RuleKind::kMuon) {
    add_part(group, make_rule(group.rule), ranges);
    return;
  }
  std::vector<int> matrices = matrices_of_layers(store_.layout());
  std::erase_if(matrices, [&](int parameter) {
    return store_.layout().parameters[static_cast<std::size_t>(parameter)].group != index;
  });
  const std::vector<layout::FlatRange> theirs = ranges_of(store_.layout(), matrices);
  const layout::PackedRanges packed(layout::intersect(ranges, theirs));
  add_part(group,
           std::make_unique<Muon>(group.rule, store_.layout(), matrices, packed, muon, store_.flat_grads().options()),
           packed.ranges());
  RuleOptions rest = group.rule;
  rest.kind = RuleKind::kAdamW;
  add_part(group, make_rule(rest), layout::intersect(ranges, layout::complement(theirs, store_.layout().elements)));
}

void Optimizer::add_part(const OptimizerGroup& group, std::unique_ptr<UpdateRule> rule,
                         std::vector<layout::FlatRange> ranges) {
  OptimizerPart part;
  part.rule = std::move(rule);
  part.ranges = layout::PackedRanges(std::move(ranges));
  part.lr_scale = group.parameters.lr_scale;
  part.weight_decay = group.parameters.weight_decay.value_or(group.rule.weight_decay);
  const at::Tensor& grads = store_.flat_grads();
  if (part.rule) {
    part.cohorts = {{0, pieces(part.ranges, {{0, store_.layout().elements}})}};
    for (std::size_t slot = 0; slot < part.rule->slot_names().size(); ++slot) {
      part.slots.push_back(at::zeros({part.ranges.elements()}, grads.options()));
    }
  }
  if (store_.flat_values().scalar_type() != grads.scalar_type()) {
    part.masters = at::zeros({part.ranges.elements()}, grads.options());
  }
  parts_.push_back(std::move(part));
}

std::vector<Cohort> Optimizer::cohorts(const layout::PackedRanges& ranges) const {
  std::map<std::int64_t, std::vector<layout::FlatRange>> by_begin;
  std::vector<layout::FlatRange> named;
  for (const layout::FlatParameter& parameter : store_.layout().parameters) {
    const std::int64_t begun = begun_.of(parameter.tensor.name);
    if (begun == begun_.all) continue;
    by_begin[begun].push_back(layout::range_of(parameter));
    named.push_back(layout::range_of(parameter));
  }
  std::vector<Cohort> cohorts{{begun_.all, pieces(ranges, layout::complement(named, store_.layout().elements))}};
  for (const auto& [begun, theirs] : by_begin) cohorts.push_back({begun, pieces(ranges, theirs)});
  return cohorts;
}

at::Tensor Optimizer::pieces(const layout::PackedRanges& ranges, const std::vector<layout::FlatRange>& within) const {
  const std::vector<layout::FlatRange> mine = layout::intersect(ranges.ranges(), within);
  const std::vector<layout::FlatRange> decay = layout::decay_ranges(store_.layout());
  const std::vector<layout::FlatRange> plain = layout::complement(decay, store_.layout().elements);
  const at::Device device = store_.flat_values().device();
  std::vector<std::int64_t> numbers;
  for (const bool decayed : {true, false}) {
    for (const layout::FlatRange& range : cut_for(device, layout::intersect(mine, decayed ? decay : plain))) {
      numbers.insert(numbers.end(), {range.begin, ranges.packed(range.begin), range.size(), decayed ? 1 : 0});
    }
  }
  return rows_on(device, numbers, 4);
}

void Optimizer::update(double lr, double factor) {
  ++steps_;
  for (const OptimizerPart& part : parts_) {
    if (!part.rule) continue;
    RuleBuffers buffers{store_.flat_values(), {}, store_.flat_grads(), {}, part.slots};
    if (part.masters.defined()) {
      buffers.values = part.masters;
      buffers.rounded = store_.flat_values();
    }
    for (const Cohort& cohort : part.cohorts) {
      buffers.pieces = cohort.pieces;
      part.rule->update({lr * part.lr_scale, part.weight_decay, factor, steps_ - cohort.begun}, buffers);
    }
  }
}

void Optimizer::reset() {
  for (const OptimizerPart& part : parts_) {
    for (const at::Tensor& slot : part.slots) slot.zero_();
  }
  set_steps(0);
}

void Optimizer::set_steps(std::int64_t steps, Begun begun) {
  steps_ = steps;
  begun_ = std::move(begun);
  for (OptimizerPart& part : parts_) {
    if (part.rule && part.rule->counts_updates()) part.cohorts = cohorts(part.ranges);
  }
}

bool Optimizer::has_masters() const { return parts_.front().masters.defined(); }

void Optimizer::publish_masters() {
  if (!has_masters()) return;
  for (const OptimizerPart& part : parts_) {
    for (const layout::FlatRange& range : part.ranges.ranges()) {
      const std::int64_t packed = part.ranges.packed(range.begin);
      store_.flat_values().narrow(0, range.begin, range.size()).copy_(part.masters.narrow(0, packed, range.size()));
    }
  }
}

}  // namespace trireme::optim
