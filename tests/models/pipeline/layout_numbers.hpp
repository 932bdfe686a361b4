// The numbers of a run of the layout matrix: what stays the same, bit for bit, when only the shape of the code changes.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "tests/models/pipeline/layout_run.hpp"

namespace trireme::tests {

/// Hashes are XXH3-64 of whole logical tensors in the model's order, as fp64: of the largest and of the smallest value
/// that any rank holds of each element. They do not depend on which rank stores what, but change with any copy.
struct Numbers {
  std::array<double, kSteps> losses{};
  std::array<double, kSteps> norms{};
  std::array<double, 2> evaluated{};  ///< validation losses, at the model's length and at one that tp does not divide
  std::uint64_t gradients = 0;        ///< hash of the first step's
  std::uint64_t state = 0;            ///< hash of the final parameters and both of Adam's moments
  std::uint64_t logits = 0;           ///< hash of those after a prefill and two more tokens
  bool operator==(const Numbers&) const = default;
};
static_assert(std::is_trivially_copyable_v<Numbers>);

/// A look that fills `numbers`, the same on all ranks of `world` (null: one rank). All three must outlive the run.
Look look_at_numbers(const LayoutCase& one, collectives::Communicator* world, Numbers& numbers);

}  // namespace trireme::tests
