// Where the parameters of one rank lie in its flat buffers: pure arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/topology/box.hpp"
#include "models/spec/config.hpp"
#include "models/spec/logical_tensor.hpp"

namespace trireme::layout {

/// What the flat buffers are made of, in the order in which backward finishes the gradients (last layer first), so
/// that a bucket of the flat gradient buffer is ready as soon as its last member is. Members are stacked along dim 0.
struct BlockPlan {
  std::string name;
  std::vector<spec::LogicalTensor> members;
  std::int64_t alignment = 1;  ///< the block starts at a multiple of this many elements (and of 64 bytes)
};

/// A logical tensor as one rank holds it.
struct FlatParameter {
  spec::LogicalTensor tensor;
  topology::Box box;             ///< what of the logical tensor is here
  topology::Box owned;           ///< what of it this rank owns among its tp peers (counted in norms, stored)
  std::int64_t flat_offset = 0;  ///< of the first element in the flat buffers
};

/// Consecutive parameters that lie without gaps.
struct FlatBlock {
  std::string name;
  std::vector<int> members;      ///< indices into FlatLayout::parameters
  std::int64_t flat_offset = 0;  ///< of the first member
};

struct FlatLayout {
  std::vector<FlatParameter> parameters;
  std::vector<FlatBlock> blocks;
  std::int64_t elements = 0;  ///< length of a flat buffer, padding included
};

/// Lays the blocks of `plan` one after another as tp rank `tp_rank` of `tp` holds them. Each starts at a multiple of
/// `boundary` elements; the length is a multiple of `boundary` and of `total_multiple`. Throws base::Error when two
/// blocks have one name.
FlatLayout lay_out(const spec::ModelConfig& config, const std::vector<BlockPlan>& plan, int tp_rank, int tp,
                   std::int64_t boundary, std::int64_t total_multiple);

}  // namespace trireme::layout
