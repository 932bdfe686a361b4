// What a save is told, and what it says when it has ended.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/json.hpp"

namespace trireme::checkpoint {

/// Every rank gives the same directory, step and shards_per_node; the rest is read on rank 0 only.
struct SaveInfo {
  /// Holds the step directories: "<run>/checkpoints", or "<run>/gradients" for gradients. Made when missing, but its
  /// parent must exist.
  std::filesystem::path directory;
  std::int64_t step = 0;
  int shards_per_node = 8;  ///< files per node, at least 1; never more than the node's ranks
  std::string run_id;
  std::int64_t attempt = 0;
  std::string job = "local";  ///< Slurm job id, or "local"; letters, digits, '_' and '-'
  std::string token;          ///< unique to this attempt, same characters
  std::string options;        ///< resolved options as INI text
  base::Json layout;
  base::Json cursor;
  base::Json extra;  ///< whatever else the caller wants back
  base::Json versions;
  bool latest = true;  ///< replace `<directory>/LATEST`
  /// `directory` is another one on each node, not one that all share: every node gets the tables, its own shards and,
  /// with more nodes than one, copies of those of the node before it; other steps in there are deleted after the
  /// commit.
  bool node_local = false;
  /// Called on rank 0 just before the checkpoint becomes visible; false means that another job owns the run: nothing
  /// is committed and SaveResult::lease_lost is set. What it throws fails the save. By the draining thread. May be
  /// empty.
  std::function<bool()> holds_lease;
};

/// The same on all ranks. `ok` false: the older checkpoints are as they were, and training may go on
/// (unless lease_lost).
struct SaveResult {
  bool ok = false;
  std::int64_t step = 0;
  bool lease_lost = false;
  double seconds = 0;          ///< from the start of the save to its end
  std::uint64_t bytes = 0;     ///< of all files
  std::filesystem::path path;  ///< the committed step directory
  std::string error;           ///< one sentence when not ok
  std::string warning;         ///< committed, but e.g. LATEST could not be replaced
};

}  // namespace trireme::checkpoint
