// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019).
#pragma once

#include "models/optim/rules/rule.hpp"

namespace trireme::optim {

/// The formula stands in models/kernels/cpu/adamw.hpp. Slots: the moments adam_m and adam_v.
class AdamW final : public UpdateRule {
 public:
  explicit AdamW(const RuleOptions& options) : options_(options) {}

  const std::vector<std::string>& slot_names() const override;
  bool counts_updates() const override { return true; }
  void update(const RuleStep& step, const RuleBuffers& buffers) override;

 private:
  RuleOptions options_;
};

}  // namespace trireme::optim
