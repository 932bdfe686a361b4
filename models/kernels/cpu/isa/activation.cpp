// Activation functions, alone and as the gate of a gated unit (Shazeer, "GLU variants improve transformer", 2020).
#include "models/kernels/cpu/isa/normal.hpp"

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

/// A function and its derivative at one point; the compiler leaves out what the caller does not read.
template <typename W>
struct Curve {
  W value;
  W slope;
};

struct Gelu {
  template <typename W>
  [[gnu::always_inline]] static Curve<W> at(W x) {
    const auto n = normal(x);
    return {x * n.below, n.below + n.moment};
  }
};

// Since 0.5 (1 + tanh u) = 1 / (1 + e^-2u), one exponential suffices.
struct GeluTanh {
  static constexpr double kSqrt8OverPi = 1.5957691216057307;  // 2 sqrt(2 / pi)
  static constexpr double kCubic = 0.044715;

  template <typename W>
  [[gnu::always_inline]] static Curve<W> at(W x) {
    const auto s = sigmoid(static_cast<W>(kSqrt8OverPi) * x * mul_add(static_cast<W>(kCubic) * x, x, W{1}));
    const W slope = static_cast<W>(kSqrt8OverPi) * mul_add(static_cast<W>(3.0 * kCubic) * x, x, W{1});
    return {x * s.value, mul_add(x * slope * s.rest, s.value, s.value)};
  }
};

struct Silu {
  template <typename W>
  [[gnu::always_inline]] static Curve<W> at(W x) {
    const auto s = sigmoid(x);
    const W value = x * s.value;
    return {value, s.value + value * s.rest};
  }
};

// The comparisons let a NaN through.
struct Relu {
  template <typename W>
  [[gnu::always_inline]] static Curve<W> at(W x) {
    return {x <= W{0} ? W{0} : x, x <= W{0} ? W{0} : W{1}};
  }
};

template <typename F>
void with_function(spec::Activation activation, F f) {
  switch (activation) {
    case spec::Activation::kGelu: f(Gelu{}); break;
    case spec::Activation::kGeluTanh: f(GeluTanh{}); break;
    case spec::Activation::kSilu: f(Silu{}); break;
    case spec::Activation::kRelu: f(Relu{}); break;
  }
}

template <typename T>
void add_bias(int64_t width, const T* __restrict bias, T* __restrict h) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) store(h + i, load(h[i]) + load(bias[i]));
}

template <typename Function, typename T>
void forward(int64_t rows, int64_t width, const T* bias, T* __restrict h, T* __restrict y) {
  for (int64_t row = 0; row < rows; ++row, h += width, y += width) {
    if (bias != nullptr) add_bias(width, bias, h);
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(y + i, Function::at(load(h[i])).value);
  }
}

template <typename Function, typename T>
void gated_forward(int64_t rows, int64_t width, const T* bias, T* __restrict h, T* __restrict y) {
  for (int64_t row = 0; row < rows; ++row, h += 2 * width, y += width) {
    if (bias != nullptr) add_bias(2 * width, bias, h);
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(y + i, Function::at(load(h[i])).value * load(h[width + i]));
  }
}

template <typename Function, typename T>
void backward(int64_t count, const T* dy, const T* h, T* dh) {
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) store(dh + i, load(dy[i]) * Function::at(load(h[i])).slope);
}

template <typename Function, typename T>
void gated_backward(int64_t rows, int64_t width, const T* __restrict dy, const T* __restrict h, T* __restrict dh) {
  for (int64_t row = 0; row < rows; ++row, h += 2 * width, dh += 2 * width, dy += width) {
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      const auto curve = Function::at(load(h[i]));
      const auto d = load(dy[i]);
      store(dh + i, d * load(h[width + i]) * curve.slope);
      store(dh + width + i, d * curve.value);
    }
  }
}

}  // namespace

void activate(Element element, spec::Activation activation, bool gated, int64_t rows, int64_t width, void* h,
              const void* bias, void* y) {
  with_function(activation, [&]<typename Function>(Function) {
    with_type(element, [&]<typename T>(T*) {
      const auto call = gated ? gated_forward<Function, T> : forward<Function, T>;
      call(rows, width, static_cast<const T*>(bias), static_cast<T*>(h), static_cast<T*>(y));
    });
  });
}

void activate_backward(Element element, spec::Activation activation, bool gated, int64_t rows, int64_t width,
                       const void* dy, const void* h, void* dh) {
  with_function(activation, [&]<typename Function>(Function) {
    with_type(element, [&]<typename T>(T*) {
      const T* d = static_cast<const T*>(dy);
      const T* from = static_cast<const T*>(h);
      if (gated) {
        gated_backward<Function>(rows, width, d, from, static_cast<T*>(dh));
      } else {
        backward<Function>(rows * width, d, from, static_cast<T*>(dh));
      }
    });
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
