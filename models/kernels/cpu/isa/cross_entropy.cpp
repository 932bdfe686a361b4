#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

template <typename T, typename W = WideOf<T>>
W maximum(int64_t width, const T* logits) {
  W best = load(logits[0]);
#pragma omp simd reduction(max : best)
  for (int64_t i = 0; i < width; ++i) {
    const W value = load(logits[i]);
    best = value > best ? value : best;
  }
  return best;
}

/// Sums 2048 terms at a time in the wide type, and these sums in fp64.
template <typename T, typename W = WideOf<T>>
double exponentials(int64_t width, W shift, T* logits) {
  constexpr int64_t kTile = 2048;
  double sum = 0.0;
  for (int64_t first = 0; first < width; first += kTile) {
    const int64_t end = first + kTile < width ? first + kTile : width;
    W partial = 0;
#pragma omp simd reduction(+ : partial)
    for (int64_t i = first; i < end; ++i) {
      const W e = exponential(load(logits[i]) - shift);
      store(logits + i, e);
      partial += e;
    }
    sum += static_cast<double>(partial);
  }
  return sum;
}

template <typename T>
void statistics_rows(int64_t rows, int64_t width, T* logits, const int64_t* target, double* statistics) {
  for (int64_t row = 0; row < rows; ++row, logits += width, statistics += 3) {
    const auto shift = maximum(width, logits);
    statistics[0] = static_cast<double>(shift);
    statistics[2] = target[row] < 0 ? 0.0 : static_cast<double>(load(logits[target[row]]));
    statistics[1] = exponentials(width, shift, logits);
  }
}

template <typename T, typename W = WideOf<T>>
void gradient_rows(int64_t rows, int64_t width, T* e, const int64_t* target, const double* factor,
                   const double* at_target) {
  for (int64_t row = 0; row < rows; ++row, e += width) {
    const W scale = static_cast<W>(factor[row]);
    // Computed in the wide type: p is close to 1 where the model is sure. If p were rounded to bf16 first, p - 1 =
    // -0.003 would become a multiple of 0.004.
    const W at = target[row] >= 0 ? load(e[target[row]]) * scale - static_cast<W>(at_target[row]) : W{0};
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(e + i, load(e[i]) * scale);
    if (target[row] >= 0) store(e + target[row], at);
  }
}

}  // namespace

void softmax_statistics(Element element, int64_t rows, int64_t width, void* logits, const int64_t* target,
                        double* statistics) {
  with_type(element,
            [&]<typename T>(T*) { statistics_rows(rows, width, static_cast<T*>(logits), target, statistics); });
}

void softmax_gradient(Element element, int64_t rows, int64_t width, void* e, const int64_t* target,
                      const double* factor, const double* at_target) {
  with_type(element,
            [&]<typename T>(T*) { gradient_rows(rows, width, static_cast<T*>(e), target, factor, at_target); });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
