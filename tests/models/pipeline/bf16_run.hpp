// The first step of a case in bf16 beside the one-rank steps in fp64 and in bf16.
#pragma once

#include "tests/models/pipeline/layout_run.hpp"

namespace trireme::tests {

/// Largest distances over their bounds (bf16_bound.hpp); above 1 is a failure.
struct Bf16Ratio {
  double loss = 0.0;
  double norm = 0.0;
  double gradient = 0.0;
};
struct Bf16Ratios {
  Bf16Ratio to_fp64;
  Bf16Ratio to_one_rank;
};
constexpr std::size_t kBf16Ratios = sizeof(Bf16Ratios) / sizeof(double);

/// On the ranks of `groups`: this rank's part of the comparison.
Bf16Ratios compare_bf16(const LayoutCase& one, const pipeline::Groups& groups, const Outcome& fp64,
                        const Outcome& one_rank);

}  // namespace trireme::tests
