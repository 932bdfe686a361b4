// A CUDA runtime and an NCCL in host memory, for tests of collectives/nccl on a machine without a GPU. Ranks are
// threads of one process. The functions have their real names and are declared by the real headers; a program links
// this library instead of libcudart and libnccl. This header is the control that tests hold.
//
// What differs from a GPU on purpose: a stream's operations run only when a host thread waits for something that needs
// them, in an order drawn from the seed; so a result that nobody waited for is not there, and memory without a result
// holds bytes of 0xFF (a NaN in every floating-point type). Between calls the ranks take turns, drawn from the seed
// too: a run with one seed repeats itself.
#pragma once

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace trireme::fake {

struct State;

struct Options {
  int devices = 4;
  unsigned seed = 1;
  /// A deadlock is declared when all ranks wait and nothing can happen for that long (seconds of real time). 0: at
  /// once. Positive in tests where a thread beside the ranks is to end the wait.
  double patience_seconds = 0;
  /// True does what NCCL_LAUNCH_ORDER_IMPLICIT=1 does: a kernel of NCCL begins after those that its rank launched
  /// before it, on whatever communicators and streams. False: only streams order kernels.
  bool launch_order = true;
};

/// One machine with devices, and the processes of its ranks. One at a time exists. Afterwards every handle of it is
/// invalid, and threads that still wait inside the fakes have been sent away with an error.
class Machine {
 public:
  explicit Machine(const Options& options);
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Runs `body` in a thread for each rank, and returns what each rank threw ("" = nothing). Afterwards whatever a rank
  /// left behind (memory, streams, events, communicators) is a finding, unless ranks deadlocked or the process ended.
  std::vector<std::string> run(int ranks, const std::function<void(int rank)>& body);

  /// Called by a rank: rank 0's bytes go to all ranks, as MPI's broadcast does.
  void broadcast(void* data, std::size_t bytes);
  /// Called by a thread that a rank started: from now on its calls count as that rank's.
  void join_rank(int rank);
  /// Called by a rank: runs `action`, which waits for a thread that joined the rank, while the other ranks go on.
  void while_away(const std::function<void()>& action);
  /// Called by a rank: waits until `condition` holds, which other threads' calls of wake() make true.
  void wait_until(const std::string& what, const std::function<bool()>& condition);
  void wake();
  /// Called by a rank: puts a computation into a stream that takes until release() is called.
  void compute_until_release(cudaStream_t stream);
  void release();

  // What goes wrong.

  /// The next kernel that NCCL launches for `rank` never ends, as when a network breaks without an error.
  void hang_next_kernel(int rank);
  /// The next kernel of `rank` never ends, and its communicator reports this asynchronous error.
  void fail_next_kernel(int rank, ncclResult_t code, const std::string& text);
  /// From now on the communicators of `rank` report this asynchronous error.
  void fail_communicators(int rank, ncclResult_t code, const std::string& text);
  /// The next launch of `rank` (an operation, or the end of a group) returns this error.
  void fail_next_launch(int rank, ncclResult_t code, const std::string& text);
  /// ncclCommAbort of `rank` never returns.
  void hang_aborts(int rank);
  /// All processes are gone: every call of the fakes returns an error at once, and nothing is reported any more.
  void end_processes();

  // What was seen.

  /// Misuse: double frees, uses after destruction, other devices' memory, unordered accesses, leaks, deadlocks.
  std::vector<std::string> findings() const;
  /// The devices on which `rank` made a primary context.
  std::set<int> contexts(int rank) const;
  /// How many threads NCCL would have started for calls of `rank` on non-blocking communicators.
  int threads_started(int rank) const;
  /// The calls of `rank` that end things, in their order: "ncclCommAbort world", "cudaFree", "cudaStreamDestroy", …
  std::vector<std::string> endings(int rank) const;
  /// How many streams `rank` made on which NCCL launched something.
  int streams_used(int rank) const;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace trireme::fake
