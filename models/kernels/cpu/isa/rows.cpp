// Rotary positions (Su et al., "RoFormer", 2021, in the half-rotation form), additions and column sums.
#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

template <typename T, typename W = WideOf<T>>
void rotate_rows(int64_t rows, int64_t stride, int64_t heads, int64_t head_size, int64_t half,
                 const W* __restrict cosine, const W* __restrict sine, W sign, T* data) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t head = 0; head < heads; ++head) {
      T* __restrict low = data + row * stride + head * head_size;
      T* __restrict high = low + half;
#pragma omp simd
      for (int64_t i = 0; i < half; ++i) {
        const W a = load(low[i]);
        const W b = load(high[i]);
        const W s = sign * sine[i];
        store(low + i, a * cosine[i] - b * s);
        store(high + i, b * cosine[i] + a * s);
      }
    }
  }
}

template <typename T>
void add_rows(int64_t rows, int64_t width, const T* __restrict x, const T* __restrict bias, T* __restrict y) {
  for (int64_t row = 0; row < rows; ++row, y += width) {
    if (x != nullptr && bias != nullptr) {
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) store(y + i, load(x[i]) + (load(y[i]) + load(bias[i])));
    } else if (x != nullptr || bias != nullptr) {
      const T* __restrict other = x != nullptr ? x : bias;
#pragma omp simd
      for (int64_t i = 0; i < width; ++i) store(y + i, load(other[i]) + load(y[i]));
    }
    if (x != nullptr) x += width;
  }
}

template <typename T, typename W = WideOf<T>>
void column_sum_rows(int64_t rows, int64_t width, int64_t stride, const T* __restrict x, bool overwrite,
                     W* __restrict sums) {
  constexpr int64_t kTile = 64;
  for (int64_t first = 0; first < width; first += kTile) {
    const int64_t tile = width - first < kTile ? width - first : kTile;
    W partial[kTile] = {};
    for (int64_t row = 0; row < rows; ++row) {
      const T* __restrict from = x + row * stride + first;
#pragma omp simd
      for (int64_t i = 0; i < tile; ++i) partial[i] += load(from[i]);
    }
    for (int64_t i = 0; i < tile; ++i) sums[first + i] = overwrite ? partial[i] : sums[first + i] + partial[i];
  }
}

}  // namespace

void rotate(Element element, int64_t rows, int64_t stride, int64_t heads, int64_t head_size, int64_t half,
            const void* cosine, const void* sine, double sign, void* data) {
  with_type(element, [&]<typename T>(T*) {
    rotate_rows(rows, stride, heads, head_size, half, static_cast<const WideOf<T>*>(cosine),
                static_cast<const WideOf<T>*>(sine), static_cast<WideOf<T>>(sign), static_cast<T*>(data));
  });
}

void add(Element element, int64_t rows, int64_t width, const void* x, const void* bias, void* y) {
  with_type(element, [&]<typename T>(T*) {
    add_rows(rows, width, static_cast<const T*>(x), static_cast<const T*>(bias), static_cast<T*>(y));
  });
}

void column_sum(Element element, int64_t rows, int64_t width, int64_t stride, const void* x, bool overwrite,
                void* sums) {
  with_type(element, [&]<typename T>(T*) {
    column_sum_rows(rows, width, stride, static_cast<const T*>(x), overwrite, static_cast<WideOf<T>*>(sums));
  });
}

void accumulate(Element element, int64_t count, const void* x, void* sum) {
  with_type(element, [&]<typename T>(T*) {
    const T* __restrict from = static_cast<const T*>(x);
    WideOf<T>* __restrict to = static_cast<WideOf<T>*>(sum);
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) to[i] += load(from[i]);
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
