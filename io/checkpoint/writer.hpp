// Saving: all ranks write their boxes into one new checkpoint that appears whole or not at all
// (docs/checkpoint_format.md has the format and the order of steps).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "io/checkpoint/box_data.hpp"
#include "io/checkpoint/coordinator.hpp"

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
  /// Called on rank 0 just before the checkpoint becomes visible; false means that another job owns the run: nothing
  /// is committed and SaveResult::lease_lost is set. May be empty.
  std::function<bool()> still_mine;
};

/// The same on all ranks. `ok` false: the older checkpoints are as they were, and training may go on
/// (unless lease_lost).
struct SaveResult {
  bool ok = false;
  bool lease_lost = false;
  double seconds = 0;
  std::uint64_t bytes = 0;     ///< of all files
  std::filesystem::path path;  ///< the committed step directory
  std::string error;           ///< one sentence when not ok
  std::string warning;         ///< committed, but e.g. LATEST could not be replaced
};

class Writer {
 public:
  /// Both must outlive the Writer.
  Writer(Coordinator& coordinator, base::FileSystem& files) : coordinator_(coordinator), files_(files) {}

  /// Collective. An earlier checkpoint of the same step is replaced: it goes to .trash when the new one is complete.
  /// Throws only what the Coordinator throws; every other failure is agreed on and returned.
  SaveResult save(const SaveInfo& info, std::span<const StoredBox> boxes);

 private:
  Coordinator& coordinator_;
  base::FileSystem& files_;
};

}  // namespace trireme::checkpoint
