// How far the first step of a bf16 training may be from the same step in fp64, and from that of another layout. The
// derivation is in docs/numerics.md.
#pragma once

#include "tests/models/pipeline/layout_case.hpp"

namespace trireme::tests {

/// Roundings to bf16 on the longest path through the plan at this tp. One that acts on a part of a value counts as the
/// share of its variance, so the numbers are no whole ones.
struct Roundings {
  double forward = 0.0;   ///< from the embedding to the logits
  double backward = 0.0;  ///< from the logits to the embedding's gradient
};
Roundings roundings(const spec::ModelPlan& plan, int tp);

/// Largest relative distances: of the loss and the gradient's global norm, and of a gradient tensor in the 2-norm.
struct Bf16Bound {
  double loss = 0.0;
  double norm = 0.0;
  double gradient = 0.0;
};
/// From fp64 with the same weights. `loss` is that of the case.
Bf16Bound bound_to_fp64(const LayoutCase& one, double loss);
/// From one rank in bf16.
Bf16Bound bound_to_one_rank(const LayoutCase& one, double loss);

}  // namespace trireme::tests
