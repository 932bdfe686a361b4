// Compiled without contraction, so that a vector loop and its scalar tail round in the same way.
#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

template <typename T, bool kNesterov>
void descend(const SgdStep& step, std::int64_t count, T* __restrict value, const T* __restrict grad,
             T* __restrict momentum) {
  const T scale = static_cast<T>(step.gradient_scale), decay = static_cast<T>(step.weight_decay);
  const T keep = static_cast<T>(step.momentum), rate = static_cast<T>(step.lr);
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const T g = grad[i] * scale + decay * value[i];
    const T m = keep * momentum[i] + g;
    momentum[i] = m;
    value[i] = value[i] - rate * (kNesterov ? g + keep * m : m);
  }
}

template <typename T>
void descend(const SgdStep& step, std::int64_t count, T* value, const T* grad, T* momentum) {
  (step.nesterov ? descend<T, true> : descend<T, false>)(step, count, value, grad, momentum);
}

template <typename T>
void step_along_signs(const LionStep& step, std::int64_t count, T* __restrict value, const T* __restrict grad,
                      T* __restrict momentum) {
  const T scale = static_cast<T>(step.gradient_scale), decay = static_cast<T>(1.0 - step.lr * step.weight_decay);
  const T beta1 = static_cast<T>(step.beta1), rest1 = static_cast<T>(1.0 - step.beta1);
  const T beta2 = static_cast<T>(step.beta2), rest2 = static_cast<T>(1.0 - step.beta2);
  const T rate = static_cast<T>(step.lr);
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const T g = grad[i] * scale;
    const T direction = beta1 * momentum[i] + rest1 * g;
    const T up = direction > T{0} ? rate : T{0};
    const T down = direction < T{0} ? rate : T{0};
    momentum[i] = beta2 * momentum[i] + rest2 * g;
    value[i] = value[i] * decay - (up - down);
  }
}

void round_all(std::int64_t count, const float* __restrict value, std::uint16_t* __restrict rounded) {
  if (rounded == nullptr) return;
  for (std::int64_t i = 0; i < count; ++i) {
    BFloat16 nearest;
    store(&nearest, value[i]);
    rounded[i] = nearest.bits;
  }
}

}  // namespace

void sgd_float(const SgdStep& step, std::int64_t count, float* value, const float* grad, float* momentum,
               std::uint16_t* rounded) {
  descend(step, count, value, grad, momentum);
  round_all(count, value, rounded);
}

void sgd_double(const SgdStep& step, std::int64_t count, double* value, const double* grad, double* momentum) {
  descend(step, count, value, grad, momentum);
}

void lion_float(const LionStep& step, std::int64_t count, float* value, const float* grad, float* momentum,
                std::uint16_t* rounded) {
  step_along_signs(step, count, value, grad, momentum);
  round_all(count, value, rounded);
}

void lion_double(const LionStep& step, std::int64_t count, double* value, const double* grad, double* momentum) {
  step_along_signs(step, count, value, grad, momentum);
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
