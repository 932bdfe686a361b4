// Where a run's checkpoints lie below checkpoint.fast_dir.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.hpp"
#include "base/names.hpp"

namespace trireme::launcher {

/// "<fast_dir>/trireme-<run_id>", on each node. The id stands in a file and the directory is deleted at the end:
/// base::InputError for one that no run has.
inline std::filesystem::path fast_directory(const std::string& fast_dir, const std::string& run_id) {
  if (!base::is_run_id(run_id)) {
    throw base::InputError(
        base::str("checkpoint.fast_dir cannot be used: the run's ledger names no id that a run may have; start the "
                  "run in another run.dir"));
  }
  return std::filesystem::path(fast_dir) / ("trireme-" + run_id);
}

}  // namespace trireme::launcher
