// Saving: all ranks write their boxes into one new checkpoint that appears whole or not at all
// (docs/checkpoint_format.md has the format and the order of steps).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/file_system.hpp"
#include "io/checkpoint/format/box_data.hpp"
#include "io/checkpoint/ranks/coordinator.hpp"
#include "io/checkpoint/save/host_pool.hpp"
#include "io/checkpoint/save/save_info.hpp"
#include "io/checkpoint/save/save_planner.hpp"

namespace trireme::checkpoint {

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
