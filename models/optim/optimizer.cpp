#include "models/optim/optimizer.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "models/optim/pieces.hpp"

namespace trireme::optim {

double clip_factor(double norm, double clip) { return clip > 0.0 ? std::min(1.0, clip / (norm + 1e-6)) : 1.0; }

Optimizer::Optimizer(parallel::ParameterStore& store, const RuleOptions& options,
                     const std::vector<layout::FlatRange>& own, const MuonRanks& ranks)
    : store_(store), weight_decay_(options.weight_decay) {
  if (options.kind != RuleKind::kMuon) {
    add_part(make_rule(options), own);
    return;
  }
  const std::vector<int> matrices = matrices_of_layers(store.layout());
  const std::vector<layout::FlatRange> theirs = ranges_of(store.layout(), matrices);
  const layout::PackedRanges packed(layout::intersect(own, theirs));
  add_part(std::make_unique<Muon>(options, store.layout(), matrices, packed, ranks, store.flat_grads().options()),
           packed.ranges());
  RuleOptions rest = options;
  rest.kind = RuleKind::kAdamW;
  add_part(make_rule(rest), layout::intersect(own, layout::complement(theirs, store.layout().elements)));
}

void Optimizer::add_part(std::unique_ptr<UpdateRule> rule, std::vector<layout::FlatRange> ranges) {
  OptimizerPart part;
  part.rule = std::move(rule);
  part.ranges = layout::PackedRanges(std::move(ranges));
  part.pieces = pieces(part.ranges);
  const at::Tensor& grads = store_.flat_grads();
  for (std::size_t slot = 0; slot < part.rule->slot_names().size(); ++slot) {
    part.slots.push_back(at::zeros({part.ranges.elements()}, grads.options()));
  }
  if (store_.flat_values().scalar_type() != grads.scalar_type()) {
    part.masters = at::zeros({part.ranges.elements()}, grads.options());
  }
  parts_.push_back(std::move(part));
}

at::Tensor Optimizer::pieces(const layout::PackedRanges& ranges) const {
  const std::vector<layout::FlatRange> decay = layout::decay_ranges(store_.layout());
  const std::vector<layout::FlatRange> plain = layout::complement(decay, store_.layout().elements);
  const at::Device device = store_.flat_values().device();
  std::vector<std::int64_t> numbers;
  for (const bool decayed : {true, false}) {
    for (const layout::FlatRange& range :
         cut_for(device, layout::intersect(ranges.ranges(), decayed ? decay : plain))) {
      numbers.insert(numbers.end(), {range.begin, ranges.packed(range.begin), range.size(), decayed ? 1 : 0});
    }
  }
  return rows_on(device, numbers, 4);
}

void Optimizer::update(double lr, double factor) {
  ++steps_;
  const RuleStep step{lr, weight_decay_, factor, steps_};
  for (const OptimizerPart& part : parts_) {
    RuleBuffers buffers{store_.flat_values(), {}, store_.flat_grads(), part.pieces, part.slots};
    if (part.masters.defined()) {
      buffers.values = part.masters;
      buffers.rounded = store_.flat_values();
    }
    part.rule->update(step, buffers);
  }
}

void Optimizer::reset() {
  for (const OptimizerPart& part : parts_) {
    for (const at::Tensor& slot : part.slots) slot.zero_();
  }
  steps_ = 0;
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
