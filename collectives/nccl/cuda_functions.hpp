// What libtrireme_cuda.so offers to the program that loads it. No CUDA header is needed to use it. Both sides are
// made by one build: C++ types and exceptions pass through.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "collectives/communicator.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// Raised with every change of CudaFunctions.
inline constexpr int kCudaFunctionsVersion = 2;

struct CudaDevice {
  std::string name;
  std::string uuid;  ///< "GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", as nvidia-smi prints it
  std::size_t memory_bytes = 0;
  std::size_t free_bytes = 0;
  int compute_capability = 0;  ///< 90 for 9.0
};

/// How to make the world communicator of the devices. Collective over the ranks that `broadcast` serves.
struct NcclWorldOptions {
  int rank = 0;
  int size = 1;
  std::string name = "world";
  int device = 0;
  void* compute_stream = nullptr;  ///< cudaStream_t on which tensors are computed; null = the default stream
  /// Gives rank 0's bytes to all ranks: passes NCCL's unique id on.
  std::function<void(void* data, std::size_t bytes)> broadcast;
  OperationTrace* trace = nullptr;  ///< outlives the communicators
  double limit_seconds = 300;       ///< for set-up, closing and whatever blocks the host; then the group is aborted
};

struct CudaFunctions {
  int version;
  /// 0 without a usable device.
  int (*device_count)();
  CudaDevice (*device)(int index);
  /// For the calling thread.
  void (*set_device)(int index);
  /// Waits for all work on the current device.
  void (*synchronize)();
  /// `bytes` zeros on the current device. base::Error when it has no room for them.
  void* (*allocate)(std::size_t bytes);
  /// Of what allocate() gave; null is fine. Drops errors: it is called while unwinding.
  void (*release)(void* data) noexcept;
  /// Version of the NCCL library in use, as NCCL writes it: "2.28.9".
  std::string (*nccl_version)();
  std::unique_ptr<Communicator> (*make_nccl_world)(const NcclWorldOptions& options);
};

/// The library's entry point, by the name "trireme_cuda_functions".
using CudaFunctionsEntry = const CudaFunctions* (*)();

}  // namespace trireme::collectives
