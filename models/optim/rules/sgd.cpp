#include "models/optim/rules/sgd.hpp"

#include "models/kernels/kernels.hpp"

namespace trireme::optim {

const std::vector<std::string>& Sgd::slot_names() const {
  static const std::vector<std::string> names{"sgd_momentum"};
  return names;
}

void Sgd::update(const RuleStep& step, const RuleBuffers& buffers) {
  const kernels::cpu::SgdStep numbers{step.lr, options_.momentum, options_.nesterov, step.weight_decay,
                                      step.gradient_scale};
  kernels::sgd(numbers, buffers.pieces, {buffers.values, buffers.grads, buffers.slots.at(0), buffers.rounded});
}

}  // namespace trireme::optim
