// The boxes of logical tensors that a rank's flat buffers hold.
#pragma once

#include <vector>

#include "collectives/topology/box.hpp"
#include "models/layout/rank_state.hpp"

namespace trireme::layout {

struct HeldBox {
  int parameter = 0;   ///< index into FlatLayout::parameters
  topology::Box box;   ///< box of its logical tensor
  FlatRange elements;  ///< where the box lies, dense, in the flat buffers
  /// Whether the box belongs into a checkpoint. Over all ranks the stored boxes of a tensor cover each element, and two
  /// stored boxes are either the same or disjoint. A box is not stored when another rank stores its elements in boxes
  /// that are cut differently; then it is only filled when loading.
  bool stored = true;
};

/// The boxes of the parameters that a checkpoint stores (the masters where there are some), frozen ones too.
std::vector<HeldBox> parameter_boxes(const StateLayout& layout, const RankState& state);
/// The boxes of what a rank holds only for its updates: an update rule's slots and the sums of gradients. Frozen
/// parameters have none.
std::vector<HeldBox> update_boxes(const StateLayout& layout, const RankState& state);

}  // namespace trireme::layout
