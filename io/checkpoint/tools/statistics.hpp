// Statistics of the values in a checkpoint's tensors.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/file_system.hpp"
#include "io/checkpoint/format/open_checkpoint.hpp"
#include "io/checkpoint/tools/verify.hpp"

namespace trireme::checkpoint {

/// All members but the counts describe the finite elements. They are computed in at least fp64 and do not depend on the
/// number of threads.
struct TensorStatistics {
  std::int64_t elements = 0;
  std::int64_t not_finite = 0;  ///< NaN and infinities
  double min = 0;               ///< like the members below, meaningful only when some element is finite
  double max = 0;
  double mean = 0;
  double norm = 0;  ///< L2 norm

  bool any_finite() const { return not_finite < elements; }
};

/// Returns one entry for each of opened.table.tensors. Reads every block once, 16 MiB at a time in each of `threads`
/// threads, and verifies it: throws DamagedCheckpoint or base::IoError; base::Stopped when `progress` returns false.
std::vector<TensorStatistics> statistics(base::FileSystem& files, const OpenedCheckpoint& opened, int threads,
                                         const ReadProgress& progress);

}  // namespace trireme::checkpoint
