// The MPI world: from MPI_Init_thread to MPI_Finalize, and how a job ends on all ranks.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>

#include "collectives/communicator.hpp"
#include "collectives/mpi/options.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// One per process. Make it first and destroy it last: every communicator must be destroyed before it. Works under
/// mpirun and srun, and alone as a world of one rank.
class MpiWorld {
 public:
  /// Calls MPI_Init_thread. Throws base::Error when MPI does not grant MPI_THREAD_MULTIPLE, or when srun started
  /// several tasks that do not see each other.
  MpiWorld();
  /// Calls MPI_Finalize, which waits for the other ranks' end. It must not run while an exception unwinds, so catch
  /// exceptions before (run_guarded).
  ~MpiWorld();
  MpiWorld(const MpiWorld&) = delete;
  MpiWorld& operator=(const MpiWorld&) = delete;

  /// The name and version of the MPI library in use, "Open MPI v4.1.4".
  static std::string library_version();

  /// Whether Open MPI's mpirun started this process. After a Ctrl-C mpirun kills its ranks within two seconds.
  bool under_mpirun() const;

  int rank() const;
  int size() const;
  const std::string& host() const;
  /// This rank's number among the ranks that share this node's memory.
  int local_rank() const;
  int local_size() const;

  /// Collective: returns a duplicate of the world for host tensors.
  std::unique_ptr<Communicator> communicator(const std::string& name, const MpiOptions& options = {});
  /// The communicator for flags, votes and counts; tensors never use it.
  Communicator& control();
  OperationTrace& trace();

  /// Collective: returns the largest status of all ranks.
  int agree(int status);
  /// Collective: runs `action` on every rank. If it threw on any, every rank throws the error of the lowest rank that
  /// failed (a base::InputError stays one). Its text begins with "[rank r] " unless all ranks failed.
  void together(const std::function<void()>& action);

  /// `action` is called on a rank that is about to end the job, with the message, the exit code and the node that is to
  /// blame ("": none), by the thread that ends it: to write down what no other rank may live to write. It must not
  /// communicate; its exceptions are dropped.
  using AbortAction = std::function<void(const std::string& message, int code, const std::string& host)>;
  void on_abort(AbortAction action);
  /// Ends the job now: prints "trireme: [rank r] <message>" and kills all ranks. mpirun exits with `code`. `host`: the
  /// node that is to blame, "" for none; without it this rank's.
  [[noreturn]] void abort_with(const std::string& message, int code, const std::string& host);
  [[noreturn]] void abort_with(const std::string& message, int code) { abort_with(message, code, host()); }
  /// Reports an error of this rank. When every rank fails within a second, one of them prints (rank 0, without its
  /// number, when all messages are the same) and the job ends in order: returns rank 0's exit code on rank 0 and 0
  /// elsewhere. Otherwise the rank that failed first prints, the job is aborted, and the function does not return.
  int fail(const std::exception& error);
  /// Tells the other ranks of this rank's error and waits up to a second for theirs. The node that is to blame: this
  /// rank's; "" when all ranks fail or some of another node, when there is only one rank, and for a full disk. A later
  /// fail() with the same error does not wait again.
  std::string blamed_host(const std::exception& error);

 private:
  friend class Watchdog;
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs `body` on this rank and returns this process's exit code. In an orderly end rank 0 returns its body's code and
/// the others return 0, since the first non-zero exit makes mpirun kill the rest. After an exception MpiWorld::fail
/// ends the job. What `body` owns is destroyed before.
int run_guarded(MpiWorld& world, const std::function<int()>& body);

}  // namespace trireme::collectives
