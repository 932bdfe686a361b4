// The boxes of logical tensors that a rank's flat buffers hold.
#pragma once

#include <vector>

#include "collectives/topology/box.hpp"
#include "models/layout/rank_state.hpp"

namespace trireme::layout {

struct HeldBox {
  int parameter = 0;   ///< index into FlatLayout::parameters
  topology::Box box;   ///< of its logical tensor
  FlatRange elements;  ///< where the box lies, dense, in the flat buffers
  /// Belongs into a checkpoint. Over all ranks the stored boxes of a tensor cover each element, and two stored boxes
  /// are either the same or disjoint. Not stored: a part that another rank stores in differently cut boxes; it is only
  /// to be filled when loading.
  bool stored = true;
};

/// Of the parameters that a checkpoint stores (the masters where there are some).
std::vector<HeldBox> parameter_boxes(const StateLayout& layout, const RankState& state);
/// Of what each rank holds for its updates alone: Adam's moments, and the gradients' sums.
std::vector<HeldBox> update_boxes(const StateLayout& layout, const RankState& state);

}  // namespace trireme::layout
