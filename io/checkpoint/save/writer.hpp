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

/// What a save beside the training needs in addition.
struct AsyncParts {
  Coordinator& draining;         ///< same ranks as `coordinator`, but separate, since another thread uses it
  const StateMemory& memory;     ///< the memory that holds the boxes
  std::uint64_t pool_bytes = 0;  ///< host memory for snapshots on this rank
  AllocateHost allocate = allocate_huge;
};

/// Saves one checkpoint at a time, either all at once or beside the training. One thread calls all methods; any thread
/// may call finished().
class Writer {
 public:
  /// Saves host memory, all at once. Both must outlive the Writer.
  Writer(Coordinator& coordinator, base::FileSystem& files);
  /// All arguments must outlive the Writer.
  Writer(Coordinator& coordinator, base::FileSystem& files, const AsyncParts& parts);
  /// Gives up a save that is under way; the next start cleans up what it left.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Collective. Replaces an earlier checkpoint of the same step, which goes to .trash when the new one is complete.
  /// Throws only what the Coordinator throws; the ranks agree on every other failure, and it is returned.
  SaveResult save(const SaveInfo& info, std::span<const StoredBox> boxes);

  /// Collective; not while a save is under way. Takes the memory now that start() will need for these boxes, which
  /// takes long where memory is pinned: the first save then finds it there. Throws like the allocator, on the rank
  /// concerned; what else is wrong with the boxes the save itself says.
  void reserve(std::span<const StoredBox> boxes, int shards_per_node);

  /// Collective; not while a save is under way. Works like save(), but returns as soon as a thread has taken over. The
  /// boxes' memory must stay unchanged until wait_for_snapshot() has returned.
  void start(SaveInfo info, std::span<const StoredBox> boxes);
  /// On each rank: returns when the memory may change. Pieces that do not fit into the pool are written first.
  void wait_for_snapshot();
  bool under_way() const { return running_ != nullptr; }
  /// Whether finish() would return without waiting for the disk. Ranks may differ for a moment, so use rank 0's answer.
  bool finished() const;
  /// Whether finish() would throw on this rank: the save broke off here, and the other ranks may wait for this one.
  bool broke_off() const;
  /// Collective; only while a save is under way. Waits for its end.
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
  std::unique_ptr<Running> running_;  ///< the last member, since its thread uses all the others
};

}  // namespace trireme::checkpoint
