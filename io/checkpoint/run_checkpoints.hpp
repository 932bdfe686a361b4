// The checkpoints of a run directory: which there are, which to resume from, which to delete.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "io/checkpoint/coordinator.hpp"
#include "io/checkpoint/local_checkpoints.hpp"
#include "io/checkpoint/reader.hpp"

namespace trireme::checkpoint {

/// Committed steps under `<run_directory>/checkpoints`, oldest first; empty when there is no such directory.
/// Throws base::IoError when something else is in its place, a link to a file system that is not mounted for one.
std::vector<std::int64_t> committed_steps(base::FileSystem& files, const std::filesystem::path& run_directory);

/// "<run_directory>/checkpoints/step_<step>".
std::filesystem::path step_directory(const std::filesystem::path& run_directory, std::int64_t step);

/// Collective. Opens the newest checkpoint that is valid, those on the nodes' own disks (`local`) included, and calls
/// `use` with it (on every rank): check the manifest, load. When opening it or `use` throws DamagedCheckpoint on every
/// rank, the reason is logged and the next older one is tried; a newer bad one is renamed to `.step_<N>.bad.<attempt>`
/// as soon as an older one has opened. Files that do not belong to the checkpoint are logged and passed over. Returns
/// the step, or nothing when the run directory never had a checkpoint. Throws base::Error with all reasons when there
/// are checkpoints (bad ones set aside earlier included) of which none can be used, and whatever else `use` throws. Of
/// the local ones, what is not whole is logged and passed over; one that is damaged is tried again by the copies that
/// are not, if there are such of all its shards; and of two with the same step the local one goes first.
std::optional<std::int64_t> restore_newest(Coordinator& coordinator, base::FileSystem& files,
                                           const std::filesystem::path& run_directory, std::int64_t attempt,
                                           const base::Log& log, const std::function<void(Reader&)>& use,
                                           const std::optional<LocalSearch>& local = {});

/// On one rank, while holding the lease, before restore_newest(): deletes what earlier attempts left behind under
/// checkpoints/ and gradients/ (unfinished saves, trash, temporary files), but puts a checkpoint back whose
/// replacement did not come. Returns one line for each; what cannot be deleted is said there and left.
std::vector<std::string> collect_leftovers(base::FileSystem& files, const std::filesystem::path& run_directory);

/// "<directory>/.trash", made if it is missing. A link in its place is removed: what is moved there is deleted.
std::filesystem::path make_trash(base::FileSystem& files, const std::filesystem::path& directory);

struct PrunePolicy {
  std::int64_t keep = 2;                     ///< newest ones that stay; at least 2
  std::int64_t keep_every = 0;               ///< steps divisible by it stay; 0 = none
  std::optional<std::int64_t> resumed_from;  ///< stays
};

/// Which of `steps` (oldest first) to delete, oldest first. The newest two of `verified` (those among steps) stay too.
std::vector<std::int64_t> steps_to_prune(const std::vector<std::int64_t>& steps,
                                         const std::vector<std::int64_t>& verified, const PrunePolicy& policy);

/// On one rank, while holding the lease, after a commit: renames each step to prune into .trash, then deletes it.
/// Returns the steps that are gone. Throws base::IoError; what is not pruned stays whole.
std::vector<std::int64_t> prune(base::FileSystem& files, const std::filesystem::path& run_directory,
                                const PrunePolicy& policy);

/// What reading a checkpoint back found.
enum class ReadBack { kGood, kDamaged };
/// Appends it to VERIFIED beside the step directory, for the checkpoint with this manifest checksum.
void append_verified(base::FileSystem& files, const std::filesystem::path& step_directory, const Manifest& manifest,
                     ReadBack found = ReadBack::kGood);
/// Steps whose checkpoint is still the one of their last line there, which must be a good one. Torn or foreign lines
/// are skipped.
std::vector<std::int64_t> verified_steps(base::FileSystem& files, const std::filesystem::path& run_directory);

}  // namespace trireme::checkpoint
