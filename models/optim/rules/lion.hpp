// Lion (Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023).
#pragma once

#include "models/optim/rules/rule.hpp"

namespace trireme::optim {

/// Steps of one size for all elements, along the sign of an average of gradients; decoupled weight decay
/// (models/kernels/cpu/momentum.hpp has the formula). Slot: lion_momentum, that average.
class Lion final : public UpdateRule {
 public:
  explicit Lion(const RuleOptions& options) : options_(options) {}

  const std::vector<std::string>& slot_names() const override;
  void update(const RuleStep& step, const RuleBuffers& buffers) override;

 private:
  RuleOptions options_;
};

}  // namespace trireme::optim
