// What all communicators of one MPI world share: data types and operations of ours, progress, trace.
#pragma once

#include <mpi.h>

#include <mutex>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// Throws base::Error "<what> of group <group> failed: <MPI's text>" unless code is MPI_SUCCESS.
void check_mpi(int code, const char* what, const std::string& group);

/// Work of ours that MPI does not know of and that goes on whenever a rank waits.
class ProgressSource {
 public:
  virtual ~ProgressSource() = default;
  /// Does what can be done now; never blocks. Called with Progress's lock held.
  virtual void advance() = 0;
};

/// A rank that waits for one thing must go on with all others, or two ranks wait for each other.
class Progress {
 public:
  /// Tries before each sched_yield(): many when every rank has a processor, few when ranks take turns.
  explicit Progress(int spins) : spins_(spins) {}

  void add(ProgressSource* source);
  void remove(ProgressSource* source);
  std::recursive_mutex& mutex() { return mutex_; }
  /// Lets every source go on once.
  void poll();
  /// Returns when done() is true. done() may call MPI; `enters_mpi` says whether it does.
  template <typename Done>
  void wait(Done done, bool enters_mpi) {
    for (int tries = 1; !done(); ++tries) {
      poll();
      relax(tries, enters_mpi);
    }
  }

 private:
  /// Lets the processor, and now and then MPI's own progress, do something else.
  void relax(int tries, bool enters_mpi) const;

  int spins_;
  std::recursive_mutex mutex_;
  std::vector<ProgressSource*> sources_;
};

/// Lives as long as the last communicator or the world. Communicators must die before MPI_Finalize.
struct MpiContext {
  explicit MpiContext(int spins);
  ~MpiContext();
  MpiContext(const MpiContext&) = delete;
  MpiContext& operator=(const MpiContext&) = delete;

  Progress progress;
  OperationTrace trace;

  MPI_Datatype type_of(DataType type) const;
  MPI_Op op_of(DataType type, ReduceOp op) const;

 private:
  MPI_Op bf16_ops_[3] = {MPI_OP_NULL, MPI_OP_NULL, MPI_OP_NULL};
};

/// False once MPI_Finalize ran: handles are gone then.
bool mpi_is_running();

}  // namespace trireme::collectives
