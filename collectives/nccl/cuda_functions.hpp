// The functions that libtrireme_cuda.so offers to the program that loads it. No CUDA header is needed to use them. One
// build makes both sides, so C++ types and exceptions may pass between them.
#pragma once

#include <cstddef>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "collectives/communicator.hpp"
#include "collectives/ops/diagnosis.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// Incremented with every change of CudaFunctions.
inline constexpr int kCudaFunctionsVersion = 5;

struct CudaDevice {
  std::string name;
  std::string uuid;  ///< "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", as nvidia-smi prints it
  std::size_t memory_bytes = 0;
  int compute_capability = 0;  ///< 90 for 9.0
};

/// How to make the world communicator of the devices. Collective over the ranks that `broadcast` serves.
struct NcclWorldOptions {
  int rank = 0;
  int size = 1;
  std::string name = "world";
  int device = 0;
  void* compute_stream = nullptr;  ///< cudaStream_t on which tensors are computed; null = the default stream
  /// Sends rank 0's bytes to all ranks; used for NCCL's unique id.
  std::function<void(void* data, std::size_t bytes)> broadcast;
  OperationTrace* trace = nullptr;  ///< outlives the communicators
  /// Limit for a call that blocks the host, and for an operation since the last of its ranks has come to it. Without
  /// `ask` it counts from this rank's coming, and must exceed the time that a peer may compute between two operations
  /// of one group: nccl/watch.hpp says why.
  double limit_seconds = 600;
  /// Asks ranks of the world where they are (AskRanks in nccl/peer_question.hpp; Watchdog::ask). May be empty.
  std::function<std::future<std::vector<RankState>>(const std::vector<int>& ranks)> ask;
  double poll_seconds = 0.5;  ///< between two looks for errors and hangs
  double abort_seconds = 10;  ///< limit for ncclCommAbort
  /// Seconds of a clock that never goes back, for the limits; empty = the steady clock. Tests bring their own.
  std::function<double()> clock;
  /// Ends the job with this message (MpiWorld::abort_with). Called by a thread of the communicators, once everything is
  /// aborted, or when nothing can be aborted (set-up, split and closing have no handle yet or any more). Empty: the
  /// error is thrown by the next use of a communicator; where nothing can be aborted, the process prints it and ends.
  std::function<void(const std::string& message)> end_job;
};

struct CudaFunctions {
  int version;
  /// The number of usable devices; 0 without any.
  int (*device_count)();
  /// What a device is. Leaves the current device as it is and makes no context, which would take 0.5 GB of the device.
  CudaDevice (*device)(int index);
  /// Makes the device current for the calling thread, and a context on it.
  void (*set_device)(int index);
  /// The bytes that are free on the current device; asks only after set_device().
  std::size_t (*free_bytes)();
  /// Waits for all work on the current device.
  void (*synchronize)();
  /// Allocates `bytes` zeros on the current device. Throws base::Error when there is no room.
  void* (*allocate)(std::size_t bytes);
  /// Frees memory that allocate() returned; null is fine. Drops errors, since it runs while an exception unwinds.
  void (*release)(void* data) noexcept;
  /// Pins `bytes` of host memory, so that copies from and to devices need no staging. Nothing of it may be pinned yet.
  /// Asks only after set_device() in the calling thread. Throws base::Error when the system pins no more.
  void (*register_host)(void* data, std::size_t bytes);
  /// Undoes register_host(), which must come before the memory is freed. Drops errors as release() does.
  void (*unregister_host)(void* data) noexcept;
  /// The version of the NCCL library in use, written as NCCL does: "2.28.9".
  std::string (*nccl_version)();
  std::unique_ptr<Communicator> (*make_nccl_world)(const NcclWorldOptions& options);
};

/// The library's entry point, exported as "trireme_cuda_functions".
using CudaFunctionsEntry = const CudaFunctions* (*)();

}  // namespace trireme::collectives
