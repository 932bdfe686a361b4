// Lets the ranks of a load agree which tensors are wanted, there, missing and grown.
#pragma once

#include <span>
#include <string>

#include "io/checkpoint/format/box_table.hpp"
#include "io/checkpoint/load/load_options.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"

namespace trireme::checkpoint {

/// Collective. Compares what all ranks want with the tensors of `table` and fills the lists of names in the result, the
/// same on all ranks. Throws base::InputError on all ranks, beginning with `what` ("checkpoint runs/x"), when a tensor
/// is missing, unexpected, of another shape or grown, and `options` does not allow it.
LoadResult agree_on_tensors(Coordinator& coordinator, const BoxTable& table, std::span<const WantedBox> wanted,
                            const LoadOptions& options, const std::string& what);

}  // namespace trireme::checkpoint
