// What one rank of a layout holds of the training's state: pure arithmetic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "collectives/topology/mesh.hpp"
#include "models/layout/flat_layout.hpp"
#include "models/layout/flat_range.hpp"
#include "models/layout/partition.hpp"
#include "models/layout/state_map.hpp"
#include "models/schedule/assignment.hpp"
#include "models/spec/plan.hpp"

namespace trireme::layout {

/// Everything that determines where the state lies.
struct StateLayout {
  spec::ModelPlan model;
  topology::Degrees degrees;
  int chunks = 1;              ///< per stage
  int zero = 0;                ///< 0 or 1
  bool masters = false;        ///< whether the values are rounded copies of masters, which lie with Adam's moments
  std::int64_t boundary = 16;  ///< elements: 64 bytes of the smaller of the value and gradient types
  BucketSize bucket;           ///< gradients per reduction over dp
  StateMap map;                ///< the groups of parameters

  /// Whether each dp rank updates only parts of the state.
  bool partitioned() const { return zero == 1 && degrees.dp > 1; }
};

struct RankState {
  std::vector<schedule::ChunkLayers> chunks;  ///< chunks of this rank's stage, ascending
  FlatLayout flat;
  /// The block of a tied embedding whose two ends are on different stages, if this stage has one of them and it is not
  /// frozen ("" = none). It lies last among those with gradients: its sum waits for the other stage, so it must not
  /// delay the buckets of the layers.
  std::string tied;
  std::string far_tied;            ///< the same, but set only on the head's stage, whose copy does not count
  std::vector<FlatRange> buckets;  ///< buckets of gradients
  std::vector<FlatRange> own;      ///< what this rank updates: all that has gradients, or its part of each bucket
};

/// Throws base::InputError when there are more chunks than layers.
RankState state_of_rank(const StateLayout& layout, const topology::Coordinates& at);

bool has_embedding(const std::vector<schedule::ChunkLayers>& chunks);
bool has_head(const std::vector<schedule::ChunkLayers>& chunks);

}  // namespace trireme::layout
