// Stochastic gradient descent with momentum.
#pragma once

#include "models/optim/rules/rule.hpp"

namespace trireme::optim {

/// Updates as torch.optim.SGD does without dampening: weight decay is added to the gradient and goes through momentum
/// (models/kernels/cpu/momentum.hpp has the formula). Slot: sgd_momentum, the sum of past gradients; it is kept with
/// momentum 0, too, which makes it the newest gradient.
class Sgd final : public UpdateRule {
 public:
  explicit Sgd(const RuleOptions& options) : options_(options) {}

  const std::vector<std::string>& slot_names() const override;
  void update(const RuleStep& step, const RuleBuffers& buffers) override;

 private:
  RuleOptions options_;
};

}  // namespace trireme::optim
