// Which parameters a stage holds, and in which order.
#pragma once

#include <vector>

#include "models/layout/flat_layout.hpp"
#include "models/schedule/assignment.hpp"
#include "models/spec/plan.hpp"

namespace trireme::layout {

/// The blocks of the given chunks on one rank, in the order in which backward finishes them. A tied embedding that two
/// chunks of this rank share is listed once, at its last use (the embedding).
std::vector<BlockPlan> block_plan(const spec::ModelPlan& model, const std::vector<schedule::ChunkLayers>& chunks);

}  // namespace trireme::layout
