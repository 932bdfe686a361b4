// AdamW on the ranges of a parameter store that this rank updates.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/layout/flat_range.hpp"
#include "models/parallel/parameters.hpp"

namespace trireme::optim {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;  ///< on matrices only (spec::LogicalTensor::decay)
};

/// The factor that scales a gradient of this norm down to `clip` (0 = no limit): min(1, clip / (norm + 1e-6)).
double clip_factor(double norm, double clip);

/// Holds Adam's two moments, and fp32 masters where the store's values are bf16, for the flat ranges `own` (all of the
/// store, or a dp rank's parts under ZeRO), packed one range after another.
class Optimizer {
 public:
  /// `store` must outlive it. `own`: ascending, disjoint.
  Optimizer(parallel::ParameterStore& store, const AdamWOptions& options, std::vector<layout::FlatRange> own);

  /// Updates the own ranges once, from the store's gradients times `factor`; the gradients are only read.
  void update(double lr, double factor);

  /// The number of updates done so far: t in the bias correction.
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }

  /// Where flat element `flat`, which must lie in an own range, lies in the packed buffers.
  std::int64_t packed(std::int64_t flat) const;
  const at::Tensor& first_moments() const { return m_; }
  const at::Tensor& second_moments() const { return v_; }
  /// Whether the values are rounded copies of packed fp32 masters.
  bool has_masters() const { return masters_.defined(); }
  const at::Tensor& masters() const { return masters_; }
  /// Rounds the masters into the store's values (own ranges). Does nothing without masters.
  void publish_masters();

 private:
  at::Tensor pieces() const;

  parallel::ParameterStore& store_;
  AdamWOptions options_;
  std::vector<layout::FlatRange> own_;
  std::vector<std::int64_t> packed_;  ///< where each own range begins in the packed buffers
  at::Tensor pieces_;                 ///< what kernels::adamw() updates: own ranges, cut where decay changes
  at::Tensor m_;
  at::Tensor v_;
  at::Tensor masters_;
  std::int64_t steps_ = 0;
};

}  // namespace trireme::optim
