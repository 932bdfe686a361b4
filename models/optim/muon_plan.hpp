// Which matrices Muon updates, and which rank orthogonalises each: pure arithmetic.
#pragma once

#include <cstdint>
#include <vector>

#include "models/layout/flat_layout.hpp"
#include "models/layout/flat_range.hpp"

namespace trireme::optim {

/// The parameters of a layout that are spec::is_layer_matrix(), ascending.
std::vector<int> matrices_of_layers(const layout::FlatLayout& layout);

/// The flat ranges of the parameters `members` (ascending), ascending; touching ranges are joined.
std::vector<layout::FlatRange> ranges_of(const layout::FlatLayout& layout, const std::vector<int>& members);

/// A logical matrix, of which each tp rank of the stage holds a slice.
struct MuonMatrix {
  int parameter = 0;       ///< index into FlatLayout::parameters
  std::int64_t slice = 0;  ///< where this rank's slice lies in the work buffer
  int tp_owner = 0;        ///< the tp rank that orthogonalises it
  int dp_owner = 0;        ///< and its dp rank
};

/// The work buffer of a rank holds its slices of all matrices, those of one dp owner beside each other.
struct MuonPlan {
  std::vector<MuonMatrix> matrices;           ///< in the order of the work buffer
  std::vector<layout::FlatRange> of_dp_rank;  ///< the part of the work buffer with the matrices of each dp owner
  std::int64_t elements = 0;                  ///< length of the work buffer
};

/// Gives the most expensive matrix that is left to the rank with the least work, until none is left. All ranks of a
/// stage come to the same owners.
MuonPlan plan_muon(const layout::FlatLayout& layout, const std::vector<int>& members, int tp, int dp);

}  // namespace trireme::optim
