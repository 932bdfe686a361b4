#include "models/optim/rules/lion.hpp"

#include "models/kernels/kernels.hpp"

namespace trireme::optim {

const std::vector<std::string>& Lion::slot_names() const {
  static const std::vector<std::string> names{"lion_momentum"};
  return names;
}

void Lion::update(const RuleStep& step, const RuleBuffers& buffers) {
  const kernels::cpu::LionStep numbers{step.lr, options_.beta1, options_.beta2, step.weight_decay, step.gradient_scale};
  kernels::lion(numbers, buffers.pieces, {buffers.values, buffers.grads, buffers.slots.at(0), buffers.rounded});
}

}  // namespace trireme::optim
