// Saving: all ranks write their boxes into one new checkpoint that appears whole or not at all
// (docs/checkpoint_format.md has the format and the order of steps).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/file_system.hpp"
#include "base/json.hpp"
#include "io/checkpoint/box_data.hpp"
#include "io/checkpoint/coordinator.hpp"
#include "io/checkpoint/host_pool.hpp"
#include "io/checkpoint/save_planner.hpp"

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
  std::function<bool()> still_mine;
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

/// What a save that goes on beside the training needs.
struct AsyncParts {
  Coordinator& draining;         ///< of the same ranks as the other one, and on its own: used by another thread
  const StateMemory& memory;     ///< that the boxes lie in
  std::uint64_t pool_bytes = 0;  ///< host memory for snapshots on this rank
  AllocateHost allocate = allocate_huge;
};

/// Saves one checkpoint at a time, all at once or beside the training. All methods but finished() are called by one
/// thread.
class Writer {
 public:
  /// Saves host memory, all at once. Both must outlive the Writer.
  Writer(Coordinator& coordinator, base::FileSystem& files);
  /// All must outlive the Writer.
  Writer(Coordinator& coordinator, base::FileSystem& files, const AsyncParts& parts);
  /// A save under way is given up; what it left is collected at the next start.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Collective. An earlier checkpoint of the same step is replaced: it goes to .trash when the new one is complete.
  /// Throws only what the Coordinator throws; every other failure is agreed on and returned.
  SaveResult save(const SaveInfo& info, std::span<const StoredBox> boxes);

  /// Collective; not while a save is under way. Like save(), but returns as soon as a thread has taken over. The boxes'
  /// memory must stay as it is until wait_for_snapshot() has returned.
  void start(SaveInfo info, std::span<const StoredBox> boxes);
  /// On each rank: returns when the memory may change. What does not fit into the pool is written first.
  void wait_for_snapshot();
  bool under_way() const { return running_ != nullptr; }
  /// Whether finish() would not wait for the disk. The same on all ranks within moments: rank 0's answer counts.
  bool finished() const;
  /// Collective; only while a save is under way.
  SaveResult finish();

 private:
  struct Running;
  void run(Running& running);

  base::FileSystem& files_;
  HostStateMemory host_memory_;
  Coordinator& draining_;
  const StateMemory& memory_;
  HostPool pool_;
  SavePlanner planner_;
  std::unique_ptr<Running> running_;  ///< last: its thread uses all of the above
};

}  // namespace trireme::checkpoint
