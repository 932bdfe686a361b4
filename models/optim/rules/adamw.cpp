#include "models/optim/rules/adamw.hpp"

#include <cmath>

#include "models/kernels/kernels.hpp"

namespace trireme::optim {

const std::vector<std::string>& AdamW::slot_names() const {
  static const std::vector<std::string> names{"adam_m", "adam_v"};
  return names;
}

void AdamW::update(const RuleStep& step, const RuleBuffers& buffers) {
  kernels::cpu::AdamWStep numbers;
  numbers.lr = step.lr;
  numbers.beta1 = options_.beta1;
  numbers.beta2 = options_.beta2;
  numbers.eps = options_.eps;
  numbers.weight_decay = step.weight_decay;
  numbers.correction1 = 1.0 - std::pow(options_.beta1, static_cast<double>(step.t));
  numbers.correction2 = 1.0 - std::pow(options_.beta2, static_cast<double>(step.t));
  numbers.gradient_scale = step.gradient_scale;
  kernels::adamw(numbers, buffers.pieces,
                 {buffers.values, buffers.grads, buffers.slots.at(0), buffers.slots.at(1), buffers.rounded});
}

}  // namespace trireme::optim
