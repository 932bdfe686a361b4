// <dir>/logs/outcome.<attempt>: how an attempt ended, for the batch script (mpirun's own exit code means nothing).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/file_system.hpp"

namespace trireme::launcher {

struct Outcome {
  int exit_code = 0;      ///< 0 done, 1 failed, 2 bad input, 75 stopped
  std::string reason;     ///< one sentence
  std::int64_t step = 0;  ///< steps done
  std::int64_t saved_step = 0;
};

/// Writes it atomically and durably, as one JSON object. Makes the logs directory if it is missing.
void write_outcome(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt,
                   const Outcome& outcome);

}  // namespace trireme::launcher
