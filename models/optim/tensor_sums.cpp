#include "models/optim/tensor_sums.hpp"

#include <ATen/ops/zeros.h>

#include "models/parallel/data_type.hpp"

namespace trireme::optim {

TensorSums::TensorSums(parallel::ParameterStore& store, const std::vector<int>& blocks, collectives::Communicator* tp,
                       bool sequence_parallel)
    : store_(store), tp_(tp) {
  if (tp == nullptr || tp->size() == 1) return;
  for (const int block : blocks) {
    for (const int member : store.layout().blocks[static_cast<std::size_t>(block)].members) {
      add(member, sequence_parallel);
    }
  }
}

void TensorSums::add(int parameter, bool sequence_parallel) {
  const parallel::Parameter& one = store_.parameters()[static_cast<std::size_t>(parameter)];
  const bool heads =
      one.tensor.split == spec::Split::kKeyHeads && spec::shares_key_heads(one.tensor.heads, tp_->size());
  const bool partial = one.tensor.partial == spec::Partial::kAlways ||
                       (sequence_parallel && one.tensor.partial == spec::Partial::kSequence);
  if (!heads && !partial) return;
  const std::int64_t elements = heads ? topology::elements_of(one.tensor.shape) : one.box.elements();
  sums_.push_back({parameter, heads, elements_, elements});
  elements_ += elements;
}

void TensorSums::run() const {
  if (sums_.empty()) return;
  const at::Tensor packed = at::zeros({elements_}, store_.flat_grads().options());
  std::vector<at::Tensor> places;
  for (const Sum& sum : sums_) {
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
  tp_->all_reduce(packed.mutable_data_ptr(), static_cast<std::size_t>(elements_), parallel::data_type(packed));
  for (std::size_t index = 0; index < places.size(); ++index) {
    store_.parameters()[static_cast<std::size_t>(sums_[index].parameter)].grad.copy_(places[index]);
  }
}

}  // namespace trireme::optim
