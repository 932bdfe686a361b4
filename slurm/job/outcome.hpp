// <dir>/logs/outcome.<attempt>: how an attempt ended, for the batch script (mpirun's own exit code means nothing).
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/file_system.hpp"

namespace trireme::slurm {

struct Outcome {
  int exit_code = 0;      ///< 0 done, 1 failed, 2 bad input, 75 stopped
  std::string reason;     ///< one sentence
  std::int64_t step = 0;  ///< steps done
  std::int64_t saved_step = 0;
  bool come_back = true;  ///< false: somebody asked for the run to stay stopped, so the script must not requeue
};

/// How far an attempt has come. Every rank has one; the thread that ends the job reads it.
struct Progress {
  std::atomic<std::int64_t> step = 0;
  std::atomic<std::int64_t> saved_step = 0;
};

/// "<run_directory>/logs/outcome.<attempt>".
std::filesystem::path outcome_file(const std::filesystem::path& run_directory, int attempt);

/// Writes it atomically and durably, as one JSON object. Makes the logs directory if it is missing;
/// base::IoError when the run directory is (it was deleted, and must not come back in pieces).
void write_outcome(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt,
                   const Outcome& outcome);

/// Reads what write_outcome() wrote; nothing when it is not there or not whole.
std::optional<Outcome> read_outcome(base::FileSystem& files, const std::filesystem::path& run_directory, int attempt);

}  // namespace trireme::slurm
