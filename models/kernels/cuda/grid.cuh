// Grids of blocks of kThreads threads: how they are launched, and how threads share work and sums.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace trireme::kernels::cuda {

inline constexpr int kThreads = 256;
inline constexpr int kWarp = 32;

/// The number of blocks for `count` elements in a grid-stride loop.
inline std::int64_t blocks_for(std::int64_t count) {
  constexpr std::int64_t kMost = 65535;
  const std::int64_t wanted = (count + kThreads - 1) / kThreads;
  return wanted < kMost ? wanted : kMost;
}

/// The number of blocks for kernels in which a block works on one piece after another.
inline std::int64_t blocks_for_pieces(std::int64_t pieces) {
  constexpr std::int64_t kMost = 2048;  // fills any device
  return pieces < kMost ? pieces : kMost;
}

/// Queues kernel(arguments…) with `blocks` blocks on `stream`; does nothing without blocks. A launch that fails leaves
/// its error for cudaGetLastError().
template <typename... Parameters, typename... Arguments>
void launch(void (*kernel)(Parameters...), std::int64_t blocks, cudaStream_t stream, const Arguments&... arguments) {
  if (blocks == 0) return;
  constexpr std::int64_t kTooMany = 0x80000000;  // refused by the runtime, as all above would be
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(blocks < kTooMany ? blocks : kTooMany));
  config.blockDim = dim3(kThreads);
  config.stream = stream;
  static_cast<void>(cudaLaunchKernelEx(&config, kernel, arguments...));
}

__device__ inline std::int64_t first_index() {
  return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t index_stride() { return static_cast<std::int64_t>(gridDim.x) * blockDim.x; }

struct Sum {
  __device__ double operator()(double a, double b) const { return a + b; }
};
struct Maximum {
  __device__ double operator()(double a, double b) const { return b > a ? b : a; }
};

/// Combines one value of each of the block's threads, always in the same order, and returns the result to all of them.
/// All threads must call it. What a thread wrote before the call is visible to all threads after it.
template <typename Combine>
__device__ double over_block(double value, Combine combine) {
  __shared__ double of_warp[kThreads / kWarp];
  for (unsigned step = kWarp / 2; step > 0; step /= 2) {
    value = combine(value, __shfl_down_sync(0xFFFFFFFF, value, step));
  }
  __syncthreads();  // after this all threads have read what an earlier call left in of_warp
  if (threadIdx.x % kWarp == 0) of_warp[threadIdx.x / kWarp] = value;
  __syncthreads();
  double result = of_warp[0];
  for (int warp = 1; warp < kThreads / kWarp; ++warp) result = combine(result, of_warp[warp]);
  return result;
}

}  // namespace trireme::kernels::cuda
