// Uses one block per row. Sums are in fp64, always in the same order.
#include "models/kernels/cuda/element.cuh"
#include "models/kernels/cuda/grid.cuh"

namespace trireme::kernels::cuda {
namespace {

template <typename T, typename W = WideOf<T>>
__global__ void statistics_kernel(std::int64_t width, T* logits, const std::int64_t* target, double* statistics) {
  T* row = logits + static_cast<std::int64_t>(blockIdx.x) * width;
  const std::int64_t wanted = target[blockIdx.x];
  // Read before over_block(): afterwards the other threads overwrite the row.
  const double target_logit = threadIdx.x == 0 && wanted >= 0 ? static_cast<double>(load(row[wanted])) : 0.0;
  W best = load(row[threadIdx.x < width ? threadIdx.x : 0]);
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    const W value = load(row[i]);
    best = value > best ? value : best;
  }
  const double maximum = over_block(static_cast<double>(best), Maximum{});
  double sum = 0.0;
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    const W e = exp(load(row[i]) - static_cast<W>(maximum));
    store(row + i, e);
    sum += static_cast<double>(e);
  }
  sum = over_block(sum, Sum{});
  if (threadIdx.x == 0) {
    double* to = statistics + 3 * static_cast<std::int64_t>(blockIdx.x);
    to[0] = maximum;
    to[1] = sum;
    to[2] = target_logit;
  }
}

template <typename T, typename W = WideOf<T>>
__global__ void gradient_kernel(std::int64_t width, T* e, const std::int64_t* target, const double* factor,
                                const double* at_target) {
  T* row = e + static_cast<std::int64_t>(blockIdx.x) * width;
  const W scale = static_cast<W>(factor[blockIdx.x]);
  const W subtract = static_cast<W>(at_target[blockIdx.x]);
  const std::int64_t wanted = target[blockIdx.x];
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    const W p = load(row[i]) * scale;
    store(row + i, i == wanted ? p - subtract : p);
  }
}

}  // namespace

void softmax_statistics(Element element, std::int64_t rows, std::int64_t width, void* logits,
                        const std::int64_t* target, double* statistics, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    launch(statistics_kernel<T>, rows, stream, width, static_cast<T*>(logits), target, statistics);
  });
}

void softmax_gradient(Element element, std::int64_t rows, std::int64_t width, void* e, const std::int64_t* target,
                      const double* factor, const double* at_target, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    launch(gradient_kernel<T>, rows, stream, width, static_cast<T*>(e), target, factor, at_target);
  });
}

}  // namespace trireme::kernels::cuda
