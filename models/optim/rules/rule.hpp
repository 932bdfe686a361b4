// How an optimizer changes parameters: one class per rule, on flat buffers. What a rule keeps between updates lies in
// named slots, which its owner allocates, saves and restores.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/optim/rules/options.hpp"

namespace trireme::optim {

/// The numbers of one update.
struct RuleStep {
  double lr = 0.0;
  double weight_decay = 0.0;    ///< for pieces that decay
  double gradient_scale = 1.0;  ///< the clipping factor: g' = gradient_scale * g takes the gradient's place
  std::int64_t t = 1;           ///< counts the updates since the slots of these pieces were zero, from 1
};

/// What an update reads and writes. Masters and slots are packed: they hold this rule's ranges only, one after another.
/// Types: fp32 or fp64, and bf16 for `rounded`.
struct RuleBuffers {
  at::Tensor values;   ///< the flat values, or with `rounded` their packed fp32 masters
  at::Tensor rounded;  ///< the flat bf16 values, which get the masters' roundings; undefined without masters
  at::Tensor grads;    ///< flat, only read
  /// int64 rows {first element in flat buffers, first element in packed ones, count, 1 with weight decay or 0}, on the
  /// device of the buffers, cut by cut_for() (models/optim/pieces.hpp).
  at::Tensor pieces;
  std::vector<at::Tensor> slots;  ///< in the order of slot_names(); zero before the first update
};

class UpdateRule {
 public:
  UpdateRule() = default;
  UpdateRule(const UpdateRule&) = delete;
  UpdateRule& operator=(const UpdateRule&) = delete;
  virtual ~UpdateRule() = default;

  /// Names that no other rule uses for something else, so that state never changes its meaning: "adam_m".
  virtual const std::vector<std::string>& slot_names() const = 0;
  /// Whether RuleStep::t matters: what began at zero is corrected for it. Then pieces with different t are updated by
  /// calls of their own.
  virtual bool counts_updates() const { return false; }
  /// Updates all pieces once.
  virtual void update(const RuleStep& step, const RuleBuffers& buffers) = 0;
};

/// Makes a rule that treats each element by itself: adamw, sgd or lion. Muon works on whole matrices and needs to know
/// where they lie (models/optim/muon.hpp).
std::unique_ptr<UpdateRule> make_rule(const RuleOptions& options);

}  // namespace trireme::optim
