// SwiGLU (Shazeer, "GLU variants improve transformer", 2020) and GELU in its tanh form (Hendrycks and Gimpel, 2016).
// Since 0.5 (1 + tanh u) = 1 / (1 + e^-2u), one exponential suffices.
#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// s = 1 / (1 + e^-x) and 1 - s without cancellation.
template <typename W>
struct Sigmoid {
  W value;
  W rest;
};

template <typename W>
inline Sigmoid<W> sigmoid(W x) {
  const W e = exponential(-x);
  const W value = W{1} / (W{1} + e);
  return {value, e * value};
}

constexpr double kSqrt8OverPi = 1.5957691216057307;  // 2 sqrt(2 / pi)
constexpr double kCubic = 0.044715;

template <typename W>
inline W gelu_argument(W x) {
  return static_cast<W>(kSqrt8OverPi) * x * mul_add(static_cast<W>(kCubic) * x, x, W{1});
}

template <typename T>
void swiglu_rows(int64_t rows, int64_t width, const T* __restrict gate_up, T* __restrict y) {
  for (int64_t row = 0; row < rows; ++row, gate_up += 2 * width, y += width) {
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const auto gate = load(gate_up[i]);
      store(y + i, gate * sigmoid(gate).value * load(gate_up[width + i]));
    }
  }
}

template <typename T>
void swiglu_backward_rows(int64_t rows, int64_t width, const T* __restrict dy, const T* __restrict gate_up,
                          T* __restrict grad) {
  for (int64_t row = 0; row < rows; ++row, gate_up += 2 * width, grad += 2 * width, dy += width) {
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const auto gate = load(gate_up[i]);
      const auto d = load(dy[i]);
      const auto s = sigmoid(gate);
      const auto silu = gate * s.value;
      store(grad + i, d * load(gate_up[width + i]) * (s.value + silu * s.rest));
      store(grad + width + i, d * silu);
    }
  }
}

template <typename T>
void gelu_rows(int64_t rows, int64_t width, T* __restrict h, const T* __restrict bias, T* __restrict y) {
  for (int64_t row = 0; row < rows; ++row, h += width, y += width) {
    if (bias != nullptr) {
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) store(h + i, load(h[i]) + load(bias[i]));
    }
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const auto x = load(h[i]);
      store(y + i, x * sigmoid(gelu_argument(x)).value);
    }
  }
}

template <typename T, typename W = WideOf<T>>
void gelu_backward_range(int64_t count, const T* dy, const T* h, T* dh) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    const W x = load(h[i]);
    const auto s = sigmoid(gelu_argument(x));
    const W slope = static_cast<W>(kSqrt8OverPi) * mul_add(static_cast<W>(3.0 * kCubic) * x, x, W{1});
    store(dh + i, load(dy[i]) * mul_add(x * slope * s.rest, s.value, s.value));
  }
}

}  // namespace

void swiglu(Element element, int64_t rows, int64_t width, const void* gate_up, void* y) {
  with_type(element,
            [&]<typename T>(T*) { swiglu_rows(rows, width, static_cast<const T*>(gate_up), static_cast<T*>(y)); });
}

void swiglu_backward(Element element, int64_t rows, int64_t width, const void* dy, const void* gate_up, void* grad) {
  with_type(element, [&]<typename T>(T*) {
    swiglu_backward_rows(rows, width, static_cast<const T*>(dy), static_cast<const T*>(gate_up), static_cast<T*>(grad));
  });
}

void gelu(Element element, int64_t rows, int64_t width, void* h, const void* bias, void* y) {
  with_type(element, [&]<typename T>(T*) {
    gelu_rows(rows, width, static_cast<T*>(h), static_cast<const T*>(bias), static_cast<T*>(y));
  });
}

void gelu_backward(Element element, int64_t count, const void* dy, const void* h, void* dh) {
  with_type(element, [&]<typename T>(T*) {
    gelu_backward_range(count, static_cast<const T*>(dy), static_cast<const T*>(h), static_cast<T*>(dh));
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
