// What all communicators of one MPI world share: our data types and operations, progress, the trace.
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

/// Work of ours that MPI does not know and that continues whenever a rank waits.
class ProgressSource {
 public:
  virtual ~ProgressSource() = default;
  /// Does what can be done now; never blocks. Called with Progress's lock held.
  virtual void advance() = 0;
};

/// Keeps all of a rank's operations moving while it waits for one of them; otherwise two ranks could wait for each
/// other forever.
class Progress {
 public:
  /// `spins`: how often to try before each sched_yield(). Many when every rank has a processor, few when ranks share
  /// processors.
  explicit Progress(int spins) : spins_(spins) {}

  void add(ProgressSource* source);
  void remove(ProgressSource* source);
  std::recursive_mutex& mutex() { return mutex_; }
  /// Lets every source do what it can.
  void poll();
  /// Returns once done() is true. `enters_mpi` says whether done() calls MPI.
  template <typename Done>
  void wait(Done done, bool enters_mpi) {
    for (int tries = 1; !done(); ++tries) {
      poll();
      relax(tries, enters_mpi);
    }
  }

 private:
  /// Gives the processor to others, and from time to time to MPI's own progress.
  void relax(int tries, bool enters_mpi) const;

  int spins_;
  std::recursive_mutex mutex_;
  std::vector<ProgressSource*> sources_;
};

/// Lives as long as the last communicator or the world. Communicators must be destroyed before MPI_Finalize.
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

/// False after MPI_Finalize, when MPI handles are no longer valid.
bool mpi_is_running();

}  // namespace trireme::collectives
