// RMSNorm (Zhang and Sennrich, 2019), complete and in the pieces of a norm whose rows several ranks share.
#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// What multiplies the normalised element, in the wide type: bf16 cannot hold 1 + a small weight.
template <bool kUnitOffset, typename T>
inline WideOf<T> factor(T weight) {
  if constexpr (kUnitOffset) return WideOf<T>{1} + load(weight);
  return load(weight);
}

template <typename T, typename W = WideOf<T>>
inline W sum_of_squares(int64_t width, const T* x) {
  W sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < width; ++i) sum += load(x[i]) * load(x[i]);
  return sum;
}

template <bool kUnitOffset, typename T, typename W = WideOf<T>>
inline void scale_row(int64_t width, const T* x, W rstd, const T* weight, T* y) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) store(y + i, load(x[i]) * rstd * factor<kUnitOffset>(weight[i]));
}

template <bool kUnitOffset, typename T, typename W = WideOf<T>>
inline W dot_row(int64_t width, const T* dy, const T* x, const T* weight) {
  W dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t i = 0; i < width; ++i) dot += load(dy[i]) * factor<kUnitOffset>(weight[i]) * load(x[i]);
  return dot;
}

/// dx = rstd * (w dy - x * along), where along = rstd² mean(w dy x); dx may be dy.
template <bool kUnitOffset, typename T, typename W = WideOf<T>>
inline void gradient_row(int64_t width, const T* dy, const T* x, W rstd, W along, const T* weight, T* dx,
                         W* __restrict weight_grad) {
#pragma omp simd
  for (int64_t i = 0; i < width; ++i) {
    weight_grad[i] += load(dy[i]) * load(x[i]) * rstd;
    store(dx + i, rstd * (load(dy[i]) * factor<kUnitOffset>(weight[i]) - load(x[i]) * along));
  }
}

template <bool kUnitOffset, typename T, typename W = WideOf<T>>
void forward(int64_t rows, int64_t width, const T* x, const T* weight, W eps, T* y, W* rstd) {
  for (int64_t row = 0; row < rows; ++row, x += width, y += width) {
    rstd[row] = W{1} / root(sum_of_squares(width, x) / static_cast<W>(width) + eps);
    scale_row<kUnitOffset>(width, x, rstd[row], weight, y);
  }
}

template <bool kUnitOffset, typename T, typename W = WideOf<T>>
void backward(int64_t rows, int64_t width, const T* dy, const T* x, const W* rstd, const T* weight, T* dx,
              W* weight_grad) {
  for (int64_t row = 0; row < rows; ++row, x += width, dy += width, dx += width) {
    const W along = dot_row<kUnitOffset>(width, dy, x, weight) * rstd[row] * rstd[row] / static_cast<W>(width);
    gradient_row<kUnitOffset>(width, dy, x, rstd[row], along, weight, dx, weight_grad);
  }
}

template <bool kUnitOffset, typename T, typename W = WideOf<T>>
void strided_backward(int64_t rows, int64_t width, int64_t stride, T* grad, const T* x, const W* rstd, const W* dots,
                      W total, const T* weight, W* weight_grad) {
  for (int64_t row = 0; row < rows; ++row, x += stride, grad += stride) {
    const W along = dots == nullptr ? W{0} : dots[row] * rstd[row] * rstd[row] / total;
    gradient_row<kUnitOffset>(width, grad, x, rstd[row], along, weight, grad, weight_grad);
  }
}

struct Plain {
  static constexpr bool kUnitOffset = false;
};
struct Offset {
  static constexpr bool kUnitOffset = true;
};

/// Calls f with a null pointer of the element's type and Plain or Offset.
template <typename F>
void with_type_and_factor(Element element, bool unit_offset, F f) {
  with_type(element, [&]<typename T>(T* none) { unit_offset ? f(none, Offset{}) : f(none, Plain{}); });
}

}  // namespace

void rms_forward(Element element, int64_t rows, int64_t width, const void* x, const void* weight, bool unit_offset,
                 double eps, void* y, void* rstd) {
  with_type_and_factor(element, unit_offset, [&]<typename T, typename Factor>(T*, Factor) {
    forward<Factor::kUnitOffset>(rows, width, static_cast<const T*>(x), static_cast<const T*>(weight),
                                 static_cast<WideOf<T>>(eps), static_cast<T*>(y), static_cast<WideOf<T>*>(rstd));
  });
}

void rms_backward(Element element, int64_t rows, int64_t width, const void* dy, const void* x, const void* rstd,
                  const void* weight, bool unit_offset, void* dx, void* weight_grad) {
  with_type_and_factor(element, unit_offset, [&]<typename T, typename Factor>(T*, Factor) {
    using W = WideOf<T>;
    backward<Factor::kUnitOffset>(rows, width, static_cast<const T*>(dy), static_cast<const T*>(x),
                                  static_cast<const W*>(rstd), static_cast<const T*>(weight), static_cast<T*>(dx),
                                  static_cast<W*>(weight_grad));
  });
}

void row_squares(Element element, int64_t rows, int64_t width, int64_t stride, const void* x, void* sums) {
  with_type(element, [&]<typename T>(T*) {
    const T* from = static_cast<const T*>(x);
    WideOf<T>* to = static_cast<WideOf<T>*>(sums);
    for (int64_t row = 0; row < rows; ++row) to[row] = sum_of_squares(width, from + row * stride);
  });
}

void scale_rows(Element element, int64_t rows, int64_t width, int64_t stride, const void* x, const void* rstd,
                const void* weight, bool unit_offset, void* y) {
  with_type_and_factor(element, unit_offset, [&]<typename T, typename Factor>(T*, Factor) {
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    const WideOf<T>* scale = static_cast<const WideOf<T>*>(rstd);
    for (int64_t row = 0; row < rows; ++row, from += stride, to += stride) {
      scale_row<Factor::kUnitOffset>(width, from, scale[row], static_cast<const T*>(weight), to);
    }
  });
}

void row_dots(Element element, int64_t rows, int64_t width, int64_t stride, const void* dy, const void* x,
              const void* weight, bool unit_offset, void* dots) {
  with_type_and_factor(element, unit_offset, [&]<typename T, typename Factor>(T*, Factor) {
    const T* d = static_cast<const T*>(dy);
    const T* from = static_cast<const T*>(x);
    WideOf<T>* to = static_cast<WideOf<T>*>(dots);
    for (int64_t row = 0; row < rows; ++row, d += stride, from += stride) {
      to[row] = dot_row<Factor::kUnitOffset>(width, d, from, static_cast<const T*>(weight));
    }
  });
}

void scale_rows_backward(Element element, int64_t rows, int64_t width, int64_t stride, void* grad, const void* x,
                         const void* rstd, const void* dots, double total, const void* weight, bool unit_offset,
                         void* weight_grad) {
  with_type_and_factor(element, unit_offset, [&]<typename T, typename Factor>(T*, Factor) {
    using W = WideOf<T>;
    strided_backward<Factor::kUnitOffset>(rows, width, stride, static_cast<T*>(grad), static_cast<const T*>(x),
                                          static_cast<const W*>(rstd), static_cast<const W*>(dots),
                                          static_cast<W>(total), static_cast<const T*>(weight),
                                          static_cast<W*>(weight_grad));
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
