// Uses one block per row. Sums are in fp64, always in the same order.
#include "models/kernels/cuda/element.cuh"
#include "models/kernels/cuda/grid.cuh"

namespace trireme::kernels::cuda {
namespace {

/// z of a logit and, for a cap, dz / dlogit / scale.
template <bool kCapped, typename W>
struct LogitMap {
  W scale;
  W cap;
  W ratio;  // scale / cap

  __device__ W operator()(W logit) const {
    if constexpr (kCapped) return cap * tanh(logit * ratio);
    return logit * scale;
  }
  /// 1 - tanh², accurate where tanh saturates.
  __device__ W slope(W logit) const {
    const W x = logit * ratio;
    const W e = exp(W{-2} * (x < W{0} ? -x : x));
    const W inverse = W{1} / (W{1} + e);
    return W{4} * e * inverse * inverse;
  }
};

template <typename T, bool kCapped, typename W = WideOf<T>>
__global__ void statistics_kernel(std::int64_t width, LogitMap<kCapped, W> map, T* logits, const std::int64_t* target,
                                  double* statistics) {
  T* row = logits + static_cast<std::int64_t>(blockIdx.x) * width;
  const std::int64_t wanted = target[blockIdx.x];
  // Read before over_block(): afterwards the other threads overwrite the row.
  const double target_logit = threadIdx.x == 0 && wanted >= 0 ? static_cast<double>(map(load(row[wanted]))) : 0.0;
  W best = load(row[threadIdx.x < width ? threadIdx.x : 0]);
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    const W value = load(row[i]);
    best = value > best ? value : best;
  }
  const double maximum = over_block(static_cast<double>(map(best)), Maximum{});
  double sum = 0.0;
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    const W e = exp(map(load(row[i])) - static_cast<W>(maximum));
    if constexpr (!kCapped) store(row + i, e);
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

template <typename T, bool kCapped, typename W = WideOf<T>>
__global__ void gradient_kernel(std::int64_t width, double logit_scale, LogitMap<kCapped, W> map,
                                const double* statistics, const std::int64_t* target, const double* factor,
                                const double* at_target, T* logits) {
  T* row = logits + static_cast<std::int64_t>(blockIdx.x) * width;
  const W scale = static_cast<W>(factor[blockIdx.x] * logit_scale);
  const W subtract = static_cast<W>(at_target[blockIdx.x] * logit_scale);
  const W maximum = kCapped ? static_cast<W>(statistics[3 * static_cast<std::int64_t>(blockIdx.x)]) : W{0};
  const std::int64_t wanted = target[blockIdx.x];
  for (std::int64_t i = threadIdx.x; i < width; i += kThreads) {
    const W value = load(row[i]);
    W e = value;
    if constexpr (kCapped) e = exp(map(value) - maximum);
    const W p = e * scale;
    const W gradient = i == wanted ? p - subtract : p;
    store(row + i, kCapped ? gradient * map.slope(value) : gradient);
  }
}

/// Calls f with the map of the logits.
template <typename W, typename F>
void with_map(double scale, double soft_cap, F f) {
  const W cap = static_cast<W>(soft_cap);
  if (soft_cap == 0.0) {
    f(LogitMap<false, W>{static_cast<W>(scale), cap, W{0}});
  } else {
    f(LogitMap<true, W>{static_cast<W>(scale), cap, static_cast<W>(scale / soft_cap)});
  }
}

}  // namespace

void softmax_statistics(Element element, std::int64_t rows, std::int64_t width, double scale, double soft_cap,
                        void* logits, const std::int64_t* target, double* statistics, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    with_map<WideOf<T>>(scale, soft_cap, [&]<bool kCapped, typename W>(LogitMap<kCapped, W> map) {
      launch(statistics_kernel<T, kCapped>, rows, stream, width, map, static_cast<T*>(logits), target, statistics);
    });
  });
}

void softmax_gradient(Element element, std::int64_t rows, std::int64_t width, double scale, double soft_cap,
                      const double* statistics, const std::int64_t* target, const double* factor,
                      const double* at_target, void* logits, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    with_map<WideOf<T>>(scale, soft_cap, [&]<bool kCapped, typename W>(LogitMap<kCapped, W> map) {
      launch(gradient_kernel<T, kCapped>, rows, stream, width, scale, map, statistics, target, factor, at_target,
             static_cast<T*>(logits));
    });
  });
}

}  // namespace trireme::kernels::cuda
