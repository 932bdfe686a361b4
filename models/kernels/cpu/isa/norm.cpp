#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

template <typename T, typename W = WideOf<T>>
void forward(int64_t rows, int64_t width, const T* x, const T* weight, W eps, T* y, W* rstd) {
  for (int64_t row = 0; row < rows; ++row, x += width, y += width) {
    W sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < width; ++i) sum += load(x[i]) * load(x[i]);
    const W scale = W{1} / root(sum / static_cast<W>(width) + eps);
    rstd[row] = scale;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(y + i, load(x[i]) * scale * load(weight[i]));
  }
}

// dx = rstd * (w dy - x * rstd^2 * mean(w dy x))
template <typename T, typename W = WideOf<T>>
void backward(int64_t rows, int64_t width, const T* dy, const T* x, const W* rstd, const T* weight, T* dx,
              W* __restrict weight_grad) {
  for (int64_t row = 0; row < rows; ++row, x += width, dy += width, dx += width) {
    const W scale = rstd[row];
    W dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < width; ++i) dot += load(dy[i]) * load(weight[i]) * load(x[i]);
    const W along = dot * scale * scale / static_cast<W>(width);
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) {
      weight_grad[i] += load(dy[i]) * load(x[i]) * scale;
      store(dx + i, scale * (load(dy[i]) * load(weight[i]) - load(x[i]) * along));
    }
  }
}

}  // namespace

void rms_forward(Element element, int64_t rows, int64_t width, const void* x, const void* weight, double eps, void* y,
                 void* rstd) {
  with_type(element, [&]<typename T>(T*) {
    forward(rows, width, static_cast<const T*>(x), static_cast<const T*>(weight), static_cast<WideOf<T>>(eps),
            static_cast<T*>(y), static_cast<WideOf<T>*>(rstd));
  });
}

void rms_backward(Element element, int64_t rows, int64_t width, const void* dy, const void* x, const void* rstd,
                  const void* weight, void* dx, void* weight_grad) {
  with_type(element, [&]<typename T>(T*) {
    backward(rows, width, static_cast<const T*>(dy), static_cast<const T*>(x), static_cast<const WideOf<T>*>(rstd),
             static_cast<const T*>(weight), static_cast<T*>(dx), static_cast<WideOf<T>*>(weight_grad));
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
