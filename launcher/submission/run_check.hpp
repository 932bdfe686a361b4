// Checks a run file as training would, without MPI and LibTorch: a typo must not wait two days in the queue.
#pragma once

#include <cstdint>

#include "base/file_system.hpp"
#include "launcher/options/resolve.hpp"
#include "slurm/submit/layout_fit.hpp"

namespace trireme::launcher {

/// Opens the datasets that the options name and resolves the options for `ranks` ranks, on GPUs or not. Throws
/// base::InputError as training would.
options::Resolved check_run(base::FileSystem& files, const options::RunOptions& options, std::int64_t ranks, bool gpus);

/// The options that decide which numbers of ranks can train.
slurm::LayoutNeeds layout_needs(const options::RunOptions& options);

}  // namespace trireme::launcher
