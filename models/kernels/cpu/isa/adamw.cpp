// Compiled without contraction, so that a vector loop and its scalar tail round in the same way.
#include "models/kernels/cpu/isa/names.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

template <typename T>
struct Constants {
  T decay, beta1, rest1, beta2, rest2, rate, root2, eps, scale;
};

template <typename T>
Constants<T> constants(const AdamWStep& step) {
  return {static_cast<T>(1.0 - step.lr * step.weight_decay),
          static_cast<T>(step.beta1),
          static_cast<T>(1.0 - step.beta1),
          static_cast<T>(step.beta2),
          static_cast<T>(1.0 - step.beta2),
          static_cast<T>(step.lr / step.correction1),
          static_cast<T>(1.0 / __builtin_sqrt(step.correction2)),
          static_cast<T>(step.eps),
          static_cast<T>(step.gradient_scale)};
}

inline float root(float x) { return __builtin_sqrtf(x); }
inline double root(double x) { return __builtin_sqrt(x); }

template <typename T>
void update(const Constants<T>& c, std::int64_t count, T* __restrict value, const T* __restrict grad,
            T* __restrict first, T* __restrict second) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const T g = grad[i] * c.scale;
    const T m = c.beta1 * first[i] + c.rest1 * g;
    const T v = c.beta2 * second[i] + c.rest2 * (g * g);
    first[i] = m;
    second[i] = v;
    value[i] = value[i] * c.decay - c.rate * (m / (root(v) * c.root2 + c.eps));
  }
}

void round_all(std::int64_t count, const float* __restrict value, std::uint16_t* __restrict rounded) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t bits;
    __builtin_memcpy(&bits, value + i, sizeof bits);
    const std::uint32_t nearest = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    rounded[i] = static_cast<std::uint16_t>(value[i] != value[i] ? 0x7FC0 : nearest);
  }
}

template <typename T>
double squares(std::int64_t count, const T* data) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(data[i]) * static_cast<double>(data[i]);
  return sum;
}

}  // namespace

void adamw_float(const AdamWStep& step, std::int64_t count, float* value, const float* grad, float* m, float* v,
                 std::uint16_t* rounded) {
  update(constants<float>(step), count, value, grad, m, v);
  if (rounded != nullptr) round_all(count, value, rounded);
}

void adamw_double(const AdamWStep& step, std::int64_t count, double* value, const double* grad, double* m, double* v) {
  update(constants<double>(step), count, value, grad, m, v);
}

double squares_float(std::int64_t count, const float* data) { return squares(count, data); }
double squares_double(std::int64_t count, const double* data) { return squares(count, data); }

}  // namespace trireme::kernels::cpu::TRIREME_ISA
