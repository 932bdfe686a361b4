// Finds the checkpoint of a run directory that a start resumes from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/file_system.hpp"
#include "base/log.hpp"
#include "io/checkpoint/load/reader.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "io/checkpoint/run/local_checkpoints.hpp"

namespace trireme::checkpoint {

/// Collective. Opens the newest valid checkpoint, including those on the nodes' own disks (`local`), and calls `use`
/// with it on every rank, to check the manifest and load. Returns its step, or nothing when the run directory never had
/// a checkpoint.
/// - When opening it or `use` throws DamagedCheckpoint on every rank, the reason is logged and the next older one is
///   tried. A newer bad one is renamed to `.step_<N>.bad.<attempt>` as soon as an older one has opened.
/// - Files that do not belong to the checkpoint are logged and ignored.
/// - A local checkpoint that is not whole is logged and ignored. A damaged one is tried again with undamaged copies, if
///   all its shards have some. Of two with the same step the local one is tried first.
/// Throws base::Error with all reasons when there are checkpoints (bad ones set aside earlier included) of which none
/// can be used, and whatever else `use` throws.
std::optional<std::int64_t> restore_newest(Coordinator& coordinator, base::FileSystem& files,
                                           const std::filesystem::path& run_directory, std::int64_t attempt,
                                           const base::Log& log, const std::function<void(Reader&)>& use,
                                           const std::optional<LocalSearch>& local = {});

}  // namespace trireme::checkpoint
