// Decides which checkpoints of a run to delete, and deletes them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "base/file_system.hpp"

namespace trireme::checkpoint {

struct PrunePolicy {
  std::int64_t keep = 2;                     ///< how many of the newest stay; at least 2
  std::int64_t keep_every = 0;               ///< steps divisible by it stay; 0 = none
  std::optional<std::int64_t> resumed_from;  ///< this step stays
  /// Validation losses by step: of the steps that have one, that with the lowest stays, the newest among equals.
  std::map<std::int64_t, double> valid_losses = {};
};

/// Of `steps`, oldest first, the one with the lowest of these validation losses, the newest among equals; a loss that
/// is not a number does not count. Nothing where none has one.
std::optional<std::int64_t> best_step(const std::vector<std::int64_t>& steps,
                                      const std::map<std::int64_t, double>& valid_losses);

/// Returns those of `steps` (oldest first) that are to be deleted, oldest first. The newest two of `verified` that are
/// among the steps stay too.
std::vector<std::int64_t> steps_to_prune(const std::vector<std::int64_t>& steps,
                                         const std::vector<std::int64_t>& verified, const PrunePolicy& policy);

/// Call it on one rank, while holding the lease, after a commit: renames each step to prune into .trash, then deletes
/// it. Returns the steps that are gone. Throws base::IoError; a checkpoint that is not pruned stays whole.
std::vector<std::int64_t> prune(base::FileSystem& files, const std::filesystem::path& run_directory,
                                const PrunePolicy& policy);

}  // namespace trireme::checkpoint
