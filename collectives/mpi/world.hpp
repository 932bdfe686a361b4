// The MPI world: from MPI_Init_thread to MPI_Finalize, and how a job ends on all ranks.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "collectives/communicator.hpp"
#include "collectives/mpi/options.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// One per process; made first, destroyed last: every communicator dies before it. Works under mpirun and srun, and
/// alone, as a world of one rank.
class MpiWorld {
 public:
  /// MPI_Init_thread. Throws base::Error when MPI does not grant MPI_THREAD_MULTIPLE, or when srun started several
  /// tasks that do not see each other.
  MpiWorld();
  /// MPI_Finalize: waits for the other ranks' end. Not while an exception unwinds: catch inside (run_guarded).
  ~MpiWorld();
  MpiWorld(const MpiWorld&) = delete;
  MpiWorld& operator=(const MpiWorld&) = delete;

  /// The MPI library in use, as it names itself: "Open MPI v4.1.4".
  static std::string library_version();

  /// Whether Open MPI's mpirun started this process. It kills its ranks two seconds after a Ctrl-C, whatever they do.
  bool under_mpirun() const;

  int rank() const;
  int size() const;
  const std::string& host() const;
  /// Among the ranks that share this node's memory.
  int local_rank() const;
  int local_size() const;

  /// Collective: a duplicate of the world for host tensors.
  std::unique_ptr<Communicator> communicator(const std::string& name, const MpiOptions& options = {});
  /// For flags, votes and counts; never mixed with tensors.
  Communicator& control();
  OperationTrace& trace();

  /// Collective: the largest status of all ranks.
  int agree(int status);
  /// Collective: runs `action` everywhere. If it threw anywhere, every rank throws the lowest failing rank's error
  /// (base::InputError stays one); its text begins with "[rank r] " unless all ranks failed.
  void together(const std::function<void()>& action);

  /// Called on a rank that is about to end the job, by the thread that does, with the message and the exit code: to
  /// write down what no other rank may live to write. It must not communicate; what it throws is dropped.
  void on_abort(std::function<void(const std::string& message, int code)> action);
  /// Ends the job now: prints "trireme: [rank r] <message>" and kills all ranks. mpirun exits with `code`.
  [[noreturn]] void abort_with(const std::string& message, int code);
  /// For an error that this rank met: when every rank fails within a second, one of them prints (rank 0, without
  /// its number, when all say the same) and the job ends orderly: returns rank 0's exit code on rank 0 and 0 elsewhere.
  /// Otherwise the rank that failed first prints and the job is aborted: does not return.
  int fail(const std::string& message, int code);

 private:
  friend class Watchdog;
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs `body` on this rank and returns this process's exit code. In an orderly end rank 0 alone carries the code of
/// its body and the others return 0, since the first non-zero exit makes mpirun kill the rest. An exception ends the
/// job by MpiWorld::fail. What `body` owns is destroyed before.
int run_guarded(MpiWorld& world, const std::function<int()>& body);

}  // namespace trireme::collectives
