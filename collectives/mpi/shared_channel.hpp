// Collectives of the ranks of one node through a shared-memory window. The data passes in chunks that stay in the
// processors' caches. For each chunk a rank copies the pieces that others own into its slots (copy in), reduces the
// piece it owns over all ranks' slots in rank order (reduce), and copies the others' results out (copy out). Each slot
// has two buffers, so that copying and reducing of neighbouring chunks overlap.
//
// Worked example: 2 ranks, all_reduce of 100,000 fp32, the first operation of the channel. Pieces hold at most 128 KiB,
// so the 50,000 elements per rank take 2 chunks, with pieces of 25,024 elements (25,000, rounded up to whole cache
// lines). Rank 0 owns elements 0 to 25,023 in chunk 0 and 50,048 to 75,071 in chunk 1; rank 1 owns 25,024 to 50,047 and
// 75,072 to 99,999 (24,928 elements). Rank 0 does in chunk 0:
// 1. copy in: writes its elements 25,024 to 50,047 into its slot for reducer 1, then sets its counter copied_in to 1;
// 2. reduce, once copied_in of every rank is at least 1: adds its own elements 0 to 25,023 and rank 1's slot for
//    reducer 0, writes the sums into the result and into its result slot, and sets reduced to 1;
// 3. copy out, once reduced of every rank is at least 1: copies rank 1's result slot to elements 25,024 to 50,047 of
//    the result, and sets copied_out to 1.
// Chunk 1 uses the second buffers meanwhile. The channel's third chunk uses the first ones again: its copy in waits
// until reduced, its reduce until copied_out of every rank is at least 1.
#pragma once

#include <mpi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "collectives/mpi/context.hpp"

namespace trireme::collectives {

struct SharedTask;

/// Runs operations one after another in the order in which they start. They progress whenever this rank waits for or
/// tests anything (Progress).
class SharedChannel final : public ProgressSource {
 public:
  /// Collective over `handle`. Returns null on every rank when the ranks are on several nodes or the window cannot be
  /// allocated.
  static std::unique_ptr<SharedChannel> open(std::shared_ptr<MpiContext> context, std::shared_ptr<GroupTrace> trace,
                                             MPI_Comm handle, int rank, int size);
  ~SharedChannel() override;

  Request all_reduce(void* data, std::size_t count, DataType type, ReduceOp op);
  Request reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op);
  Request all_gather(const void* send, void* receive, std::size_t count, DataType type);
  Request barrier();

  void advance() override;
  /// Collective: finishes the operations under way and frees the window.
  void close();
  /// Drops the operations under way without the peers; the window stays until the process ends.
  void abandon() noexcept;

 private:
  /// How many chunks a rank has handled since the channel was opened. Only that rank writes these counters; each lies
  /// on a cache line of its own.
  struct Progressed {
    /// Identifies the operation that a chunk belongs to (kind, count, type), to notice ranks that call different ones.
    alignas(128) std::atomic<std::uint64_t> signature[4] = {};
    alignas(128) std::atomic<std::uint64_t> copied_in{0};
    alignas(128) std::atomic<std::uint64_t> reduced{0};
    alignas(128) std::atomic<std::uint64_t> copied_out{0};
  };
  class State;

  SharedChannel(std::shared_ptr<MpiContext> context, std::shared_ptr<GroupTrace> trace, MPI_Win window, int rank,
                int size);
  Request start(std::shared_ptr<SharedTask> task, Operation operation);
  /// Does at most one chunk of each phase. Returns false when it has to wait for peers.
  bool step(SharedTask& task);
  void copy_in(const SharedTask& task, std::uint64_t chunk);
  void reduce_own(const SharedTask& task, std::uint64_t chunk);
  void copy_out(const SharedTask& task, std::uint64_t chunk);
  /// Returns false, and sets broken_, when a peer runs another operation.
  bool same_task(const SharedTask& task);
  bool everyone(std::atomic<std::uint64_t> Progressed::*counter, std::uint64_t value) const;
  /// The slot of `owner` for the piece that `reducer` reduces; with reducer = size, the slot for its result.
  char* slot(int owner, std::uint64_t sequence, int reducer) const;

  std::shared_ptr<MpiContext> context_;
  std::shared_ptr<GroupTrace> trace_;
  MPI_Win window_;
  int rank_;
  int size_;
  std::size_t piece_bytes_;
  std::vector<char*> segments_;
  std::vector<Progressed*> progressed_;
  std::uint64_t sequence_ = 0;  ///< chunks of all tasks started so far
  std::deque<std::shared_ptr<SharedTask>> tasks_;
  std::string broken_;  ///< why operations can no longer be completed; "" = they can
};

}  // namespace trireme::collectives
