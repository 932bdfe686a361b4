// The settings of a save, and its result.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/json.hpp"

namespace trireme::checkpoint {

/// Every rank gives the same directory, step and shards_per_node; only rank 0's other members are used.
struct SaveInfo {
  /// The directory that holds the step directories: "<run>/checkpoints", or "<run>/gradients" for gradients. It is made
  /// when missing; its parent must exist.
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
  base::Json extra;  ///< further data that the caller wants to find in the manifest
  base::Json versions;
  std::string hub;     ///< content of HUB.json; "": the checkpoint has none
  bool latest = true;  ///< replace `<directory>/LATEST`
  /// True when `directory` is a different one on each node. Every node then gets the tables, its own shards and, with
  /// more than one node, copies of the shards of the node before it; other steps in the directory are deleted after the
  /// commit.
  bool node_local = false;
  /// Called on rank 0, by the thread that writes, just before the checkpoint becomes visible. False means that another
  /// job owns the run: then nothing is committed and SaveResult::lease_lost is set. An exception fails the save. May be
  /// empty.
  std::function<bool()> holds_lease;
};

/// The same on all ranks. When `ok` is false, the older checkpoints are as they were, and training may go on (unless
/// lease_lost).
struct SaveResult {
  bool ok = false;
  std::int64_t step = 0;
  bool lease_lost = false;
  double seconds = 0;          ///< from the start of the save to its end
  std::uint64_t bytes = 0;     ///< total length of all files
  std::filesystem::path path;  ///< the committed step directory
  std::string error;           ///< one sentence when not ok
  std::string warning;         ///< a problem after the commit, e.g. LATEST could not be replaced
};

}  // namespace trireme::checkpoint
