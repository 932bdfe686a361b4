// Collectives of one node through a shared-memory window. Data passes in chunks that stay in the processors' caches:
// every rank copies what the others own into its slot, reduces the piece it owns over all slots in rank order, and
// copies the others' results out. Two buffers per slot, so that copying and reducing of neighbouring chunks overlap.
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

/// Operations run one after another in the order in which they start; they go on whenever this rank waits for or
/// tests anything (Progress).
class SharedChannel final : public ProgressSource {
 public:
  /// Collective over `handle`. Null on every rank when the ranks are on several nodes or the window cannot be had.
  static std::unique_ptr<SharedChannel> open(std::shared_ptr<MpiContext> context, std::shared_ptr<GroupTrace> trace,
                                             MPI_Comm handle, int rank, int size);
  ~SharedChannel() override;

  Request all_reduce(void* data, std::size_t count, DataType type, ReduceOp op);
  Request reduce_scatter(const void* send, void* receive, std::size_t count, DataType type, ReduceOp op);
  Request all_gather(const void* send, void* receive, std::size_t count, DataType type);
  Request barrier();

  void advance() override;
  /// Collective: finishes what is under way and frees the window.
  void close();
  /// Drops what is under way without the peers; the window stays until the process ends.
  void abandon() noexcept;

 private:
  /// How far a rank is: chunks since the channel was opened. On cache lines of their own, written by that rank only.
  struct Progressed {
    /// What the chunk belongs to: kind, count and type of the operation, to notice ranks that call different ones.
    alignas(128) std::atomic<std::uint64_t> signature[4] = {};
    alignas(128) std::atomic<std::uint64_t> copied_in{0};
    alignas(128) std::atomic<std::uint64_t> reduced{0};
    alignas(128) std::atomic<std::uint64_t> copied_out{0};
  };
  class State;

  SharedChannel(std::shared_ptr<MpiContext> context, std::shared_ptr<GroupTrace> trace, MPI_Win window, int rank,
                int size);
  Request start(std::shared_ptr<SharedTask> task, Operation operation);
  /// Does at most one chunk of each phase; false when the peers have to come first.
  bool step(SharedTask& task);
  void copy_in(const SharedTask& task, std::uint64_t chunk);
  void reduce_own(const SharedTask& task, std::uint64_t chunk);
  void copy_out(const SharedTask& task, std::uint64_t chunk);
  /// False, with broken_ set, when a peer's operation is another one.
  bool same_task(const SharedTask& task);
  bool everyone(std::atomic<std::uint64_t> Progressed::*counter, std::uint64_t value) const;
  /// `owner`'s buffer for the piece that `reducer` reduces, or (reducer = size) for its result.
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
  std::string broken_;  ///< why no operation can be completed any more
};

}  // namespace trireme::collectives
