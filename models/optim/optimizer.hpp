// The optimizer of one rank: update rules on the ranges of a parameter store that this rank updates.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "models/layout/packed_ranges.hpp"
#include "models/layout/parameter_group.hpp"
#include "models/optim/begun.hpp"
#include "models/optim/muon.hpp"
#include "models/optim/rules/rule.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::optim {

/// The factor that scales a gradient of this norm down to `clip` (0 = no limit): min(1, clip / (norm + 1e-6)).
double clip_factor(double norm, double clip);

/// What is updated with the same count of updates.
struct Cohort {
  std::int64_t begun = 0;  ///< updates done before its slots began at zero
  at::Tensor pieces;       ///< as RuleBuffers::pieces: cut where decay changes
};

/// What one rule updates, and its state. Where the store's values are bf16 it has fp32 masters, whose roundings the
/// values are.
struct OptimizerPart {
  std::unique_ptr<UpdateRule> rule;  ///< null: frozen
  layout::PackedRanges ranges;
  std::vector<Cohort> cohorts;    ///< of `ranges`; one, unless the rule counts updates
  std::vector<at::Tensor> slots;  ///< packed, in the order of rule->slot_names()
  at::Tensor masters;             ///< packed; undefined without
  double lr_scale = 1.0;          ///< factor on the schedule's learning rate
  double weight_decay = 0.0;
};

/// A group of parameters, and what its rule is set to.
struct OptimizerGroup {
  layout::ParameterGroup parameters;
  RuleOptions rule;
};

/// Its parts together hold the flat ranges `own`, all gradients of the store, or a dp rank's parts under ZeRO, and all
/// frozen elements. A group is one part; with Muon, the matrices of the layers in it are one, and AdamW updates
/// another.
class Optimizer {
 public:
  /// `store` and the groups of `ranks` must outlive it. `groups`: those that FlatParameter::group counts. `own`:
  /// ascending, disjoint, within the gradients.
  Optimizer(parallel::ParameterStore& store, const std::vector<OptimizerGroup>& groups,
            const std::vector<layout::FlatRange>& own, const MuonRanks& ranks = {});

  /// Updates the own ranges once, from the store's gradients times `factor`; the gradients are only read. `lr` is the
  /// schedule's learning rate. With Muon all ranks of a stage call it together.
  void update(double lr, double factor);

  /// The number of updates done so far. What lies between it and begun() is t in AdamW's bias correction.
  std::int64_t steps() const { return steps_; }
  const Begun& begun() const { return begun_; }
  void set_steps(std::int64_t steps, Begun begun = {});

  const std::vector<OptimizerPart>& parts() const { return parts_; }
  /// Sets all slots, steps() and begun() to zero.
  void reset();
  /// Whether the values are rounded copies of packed fp32 masters.
  bool has_masters() const;
  /// Rounds the masters into the store's values (own ranges, and what is frozen). Does nothing without masters.
  void publish_masters();

 private:
  void add_group(const OptimizerGroup& group, std::size_t index, const std::vector<layout::FlatRange>& ranges,
                 const MuonRanks& muon);
  void add_part(const OptimizerGroup& group, std::unique_ptr<UpdateRule> rule, std::vector<layout::FlatRange> ranges);
  std::vector<Cohort> cohorts(const layout::PackedRanges& ranges) const;
  at::Tensor pieces(const layout::PackedRanges& ranges, const std::vector<layout::FlatRange>& within) const;

  parallel::ParameterStore& store_;
  std::vector<OptimizerPart> parts_;
  std::int64_t steps_ = 0;
  Begun begun_;
};

}  // namespace trireme::optim
