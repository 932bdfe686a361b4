// Where a rank's parameters lie in its flat buffers: pure arithmetic.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collectives/topology/box.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::layout {

/// One block of the flat buffers. Blocks are ordered as backward finishes their gradients (last layer first), so that a
/// bucket of the flat gradient buffer is ready as soon as its last block is. A block's members are stacked along dim 0.
struct BlockPlan {
  std::string name;
  std::vector<spec::LogicalTensor> members;
  std::int64_t alignment = 1;  ///< the block starts at a multiple of this many elements (and of 64 bytes)
  bool trainable = true;       ///< whether it has gradients
};

/// A logical tensor in the part that one rank holds.
struct FlatParameter {
  spec::LogicalTensor tensor;
  topology::Box box;    ///< the part of the logical tensor that this rank holds
  topology::Box owned;  ///< the part of it that this rank owns among its tp peers: it counts in norms and is stored
  std::int64_t flat_offset = 0;  ///< position of the first element in the flat buffers
  bool trainable = true;         ///< as its block
  std::size_t group = 0;         ///< index of its group in StateMap::groups()
};

/// Consecutive parameters without gaps between them.
struct FlatBlock {
  std::string name;
  std::vector<int> members;      ///< indices into FlatLayout::parameters
  std::int64_t flat_offset = 0;  ///< position of the first member
  bool trainable = true;
};

/// Values and gradients have the same offsets. Frozen blocks lie behind all others, where the gradient buffer has
/// ended.
struct FlatLayout {
  std::vector<FlatParameter> parameters;
  std::vector<FlatBlock> blocks;
  std::int64_t elements = 0;       ///< length of the flat values, padding included
  std::int64_t grad_elements = 0;  ///< length of the flat gradients; `elements` when nothing is frozen

  /// The last block that has gradients. Throws base::Error when none has.
  const FlatBlock& last_trainable() const;
};

/// Lays the blocks of `plan` one after another, as tp rank `tp_rank` of `tp` holds them. Each starts at a multiple of
/// `boundary` elements; both lengths are multiples of `boundary` and of `total_multiple`. Throws base::Error when two
/// blocks have the same name, or a trainable block comes behind a frozen one.
FlatLayout lay_out(const std::vector<BlockPlan>& plan, int tp_rank, int tp, std::int64_t boundary,
                   std::int64_t total_multiple);

}  // namespace trireme::layout
