// The functions that libtrireme_cuda.so offers to the program that loads it. No CUDA header is needed to use them. One
// build makes both sides, so C++ types and exceptions may pass between them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "collectives/communicator.hpp"
#include "collectives/ops/trace.hpp"

namespace trireme::collectives {

/// Incremented with every change of CudaFunctions.
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
  /// Sends rank 0's bytes to all ranks; used for NCCL's unique id.
  std::function<void(void* data, std::size_t bytes)> broadcast;
  OperationTrace* trace = nullptr;  ///< outlives the communicators
  double limit_seconds = 300;       ///< limit for set-up, closing and calls that block the host; then aborts the group
};

struct CudaFunctions {
  int version;
  /// The number of usable devices; 0 without any.
  int (*device_count)();
  CudaDevice (*device)(int index);
  /// Makes the device current for the calling thread.
  void (*set_device)(int index);
  /// Waits for all work on the current device.
  void (*synchronize)();
  /// Allocates `bytes` zeros on the current device. Throws base::Error when there is no room.
  void* (*allocate)(std::size_t bytes);
  /// Frees memory that allocate() returned; null is fine. Drops errors, since it runs while an exception unwinds.
  void (*release)(void* data) noexcept;
  /// The version of the NCCL library in use, written as NCCL does: "2.28.9".
  std::string (*nccl_version)();
  std::unique_ptr<Communicator> (*make_nccl_world)(const NcclWorldOptions& options);
};

/// The library's entry point, exported as "trireme_cuda_functions".
using CudaFunctionsEntry = const CudaFunctions* (*)();

}  // namespace trireme::collectives
