// Stands in for the CUDA toolkit's header, and for what nvcc declares by itself, when .cu files are compiled for the
// host. It has what models/kernels/cuda uses.
#pragma once

#include <math.h>  // overloads in the global namespace

#include <cstring>
#include <utility>

#include "tests/fake/cuda_shim/grid.hpp"

#define __global__
#define __device__
#define __grid_constant__
#define __shared__ static  // blocks run one after another

/// Has a member x whose value is read() at that moment.
template <unsigned (*read)()>
struct CudaShimIndex {
  struct Value {
    operator unsigned() const { return read(); }
  };
  Value x;
};
inline constexpr CudaShimIndex<trireme::tests::cuda_shim::thread_of_block> threadIdx{};
inline constexpr CudaShimIndex<trireme::tests::cuda_shim::block_of_grid> blockIdx{};
inline constexpr CudaShimIndex<trireme::tests::cuda_shim::threads_per_block> blockDim{};
inline constexpr CudaShimIndex<trireme::tests::cuda_shim::blocks_of_grid> gridDim{};

inline void __syncthreads() { trireme::tests::cuda_shim::block_barrier(); }

template <typename T>
T __shfl_down_sync(unsigned, T value, unsigned lanes) {
  std::uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  word = trireme::tests::cuda_shim::word_from_lane_above(word, lanes);
  std::memcpy(&value, &word, sizeof value);
  return value;
}

using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidConfiguration = 9 };

struct dim3 {
  constexpr dim3(unsigned x_ = 1) : x(x_) {}
  unsigned x, y = 1, z = 1;
};
struct cudaLaunchConfig_t {
  dim3 gridDim;
  dim3 blockDim;
  std::size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

inline cudaError_t& cuda_shim_last_error() {
  static cudaError_t error = cudaSuccess;
  return error;
}
/// Returns the last error and forgets it.
inline cudaError_t cudaGetLastError() { return std::exchange(cuda_shim_last_error(), cudaSuccess); }

/// Runs the kernel before it returns.
template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               const Arguments&... arguments) {
  constexpr unsigned kMostBlocks = 0x7FFFFFFF;
  if (config->gridDim.x == 0 || config->gridDim.x > kMostBlocks || config->blockDim.x == 0 ||
      config->blockDim.x > 1024) {
    return cuda_shim_last_error() = cudaErrorInvalidConfiguration;
  }
  trireme::tests::cuda_shim::run_grid(config->gridDim.x, config->blockDim.x,
                                      [&] { kernel(static_cast<Parameters>(arguments)...); });
  return cudaSuccess;
}
