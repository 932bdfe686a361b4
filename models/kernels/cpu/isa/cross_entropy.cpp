#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// tanh(x) and 1 - tanh(x)², both within a few units in the last place, near 0 and where tanh saturates: with e =
/// e^-2|x|, tanh|x| = (1 - e) / (1 + e) and 1 - tanh² = 4 e / (1 + e)², where 1 - e is summed from e's parts.
template <typename W>
struct Tanh {
  W value;
  W slope;
};
template <typename W>
inline Tanh<W> tanh_with_slope(W x) {
  const auto parts = exponential_parts(W{-2} * (x < W{0} ? -x : x));
  const W e = mul_add(parts.series, parts.r, W{1}) * parts.power;
  const W one_minus_e = (W{1} - parts.power) - parts.power * (parts.r * parts.series);
  const W inverse = W{1} / (W{1} + e);
  const W value = one_minus_e * inverse;
  return {x < W{0} ? -value : value, W{4} * e * inverse * inverse};
}

/// The scaled logits, without a cap.
template <typename W>
struct Scaled {
  static constexpr bool kCapped = false;
  W scale;
  W operator()(W logit) const { return logit * scale; }
};

template <typename W>
struct Capped {
  static constexpr bool kCapped = true;
  W cap;
  W ratio;  ///< scale / cap
  W operator()(W logit) const { return cap * tanh_with_slope(logit * ratio).value; }
};

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

/// Sums 2048 terms at a time in the wide type, and these sums in fp64. Overwrites logits that are not capped.
template <typename T, typename Map, typename W = WideOf<T>>
double exponentials(int64_t width, Map map, W shift, T* logits) {
  constexpr int64_t kTile = 2048;
  double sum = 0.0;
  for (int64_t first = 0; first < width; first += kTile) {
    const int64_t end = first + kTile < width ? first + kTile : width;
    W partial = 0;
#pragma omp simd reduction(+ : partial)
    for (int64_t i = first; i < end; ++i) {
      const W e = exponential(map(load(logits[i])) - shift);
      if constexpr (!Map::kCapped) store(logits + i, e);
      partial += e;
    }
    sum += static_cast<double>(partial);
  }
  return sum;
}

template <typename T, typename Map>
void statistics_rows(int64_t rows, int64_t width, Map map, T* logits, const int64_t* target, double* statistics) {
  for (int64_t row = 0; row < rows; ++row, logits += width, statistics += 3) {
    const auto shift = map(maximum(width, logits));
    statistics[0] = static_cast<double>(shift);
    statistics[2] = target[row] < 0 ? 0.0 : static_cast<double>(map(load(logits[target[row]])));
    statistics[1] = exponentials(width, map, shift, logits);
  }
}

// In both functions the target's gradient is computed in the wide type: p is close to 1 where the model is sure. If p
// were rounded to bf16 first, p - 1 = -0.003 would become a multiple of 0.004.

template <typename T, typename W = WideOf<T>>
void gradient_rows(int64_t rows, int64_t width, double logit_scale, T* e, const int64_t* target, const double* factor,
                   const double* at_target) {
  for (int64_t row = 0; row < rows; ++row, e += width) {
    const W scale = static_cast<W>(factor[row] * logit_scale);
    const W subtract = static_cast<W>(at_target[row] * logit_scale);
    const W at = target[row] >= 0 ? load(e[target[row]]) * scale - subtract : W{0};
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(e + i, load(e[i]) * scale);
    if (target[row] >= 0) store(e + target[row], at);
  }
}

template <typename T, typename W = WideOf<T>>
void capped_gradient_rows(int64_t rows, int64_t width, double logit_scale, Capped<W> map, const double* statistics,
                          T* logits, const int64_t* target, const double* factor, const double* at_target) {
  for (int64_t row = 0; row < rows; ++row, logits += width) {
    const W scale = static_cast<W>(factor[row] * logit_scale);
    const W subtract = static_cast<W>(at_target[row] * logit_scale);
    const W shift = static_cast<W>(statistics[3 * row]);
    const auto gradient = [=](W logit, W less) {
      const auto t = tanh_with_slope(logit * map.ratio);
      return (exponential(map.cap * t.value - shift) * scale - less) * t.slope;
    };
    const W at = target[row] >= 0 ? gradient(load(logits[target[row]]), subtract) : W{0};
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(logits + i, gradient(load(logits[i]), W{0}));
    if (target[row] >= 0) store(logits + target[row], at);
  }
}

template <typename W>
Capped<W> capped(double scale, double soft_cap) {
  return {static_cast<W>(soft_cap), static_cast<W>(scale / soft_cap)};
}

}  // namespace

void softmax_statistics(Element element, int64_t rows, int64_t width, double scale, double soft_cap, void* logits,
                        const int64_t* target, double* statistics) {
  with_type(element, [&]<typename T>(T*) {
    using W = WideOf<T>;
    T* data = static_cast<T*>(logits);
    if (soft_cap == 0.0) {
      statistics_rows(rows, width, Scaled<W>{static_cast<W>(scale)}, data, target, statistics);
    } else {
      statistics_rows(rows, width, capped<W>(scale, soft_cap), data, target, statistics);
    }
  });
}

void softmax_gradient(Element element, int64_t rows, int64_t width, double scale, double soft_cap,
                      const double* statistics, const int64_t* target, const double* factor, const double* at_target,
                      void* logits) {
  with_type(element, [&]<typename T>(T*) {
    T* data = static_cast<T*>(logits);
    if (soft_cap == 0.0) {
      gradient_rows(rows, width, scale, data, target, factor, at_target);
    } else {
      capped_gradient_rows(rows, width, scale, capped<WideOf<T>>(scale, soft_cap), statistics, data, target, factor,
                           at_target);
    }
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
