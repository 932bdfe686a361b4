// The samples that a case of the layout matrix trains on: drawn from their number and position alone.
#pragma once

#include <cstdint>
#include <vector>

#include "models/transformer/chunk.hpp"
#include "tests/models/pipeline/layout_case.hpp"

namespace trireme::tests {

/// Samples [first, first + count), cut to `length` tokens, on the training's device.
transformer::MicroBatch batch_of(const LayoutCase& one, std::int64_t step, std::int64_t first, std::int64_t count,
                                 std::int64_t length);
/// The micro-batches of a dp rank in one step.
std::vector<transformer::MicroBatch> batches_of(const LayoutCase& one, std::int64_t step, int dp_rank,
                                                std::int64_t length);
/// Targets of a step's global batch.
std::int64_t targets_of(const LayoutCase& one, std::int64_t step);

}  // namespace trireme::tests
