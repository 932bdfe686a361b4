// The two optimizers that keep one number per parameter, over a flat range in host memory. Both use as many threads as
// OpenMP is set to.
#pragma once

#include <cstdint>

namespace trireme::kernels::cpu {

/// Stochastic gradient descent with momentum, as torch.optim.SGD without dampening. With
/// g' = gradient_scale * g + weight_decay * p:
///   m = momentum*m + g';  p = p - lr * (nesterov ? g' + momentum*m : m)
struct SgdStep {
  double lr = 0.0;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 0.0;
  double gradient_scale = 1.0;  ///< clipping factor
};

/// Lion (Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, algorithm 2). With
/// g' = gradient_scale * g and sign(0) = 0:
///   p = p*(1 - lr*weight_decay) - lr * sign(beta1*m + (1-beta1)*g');  m = beta2*m + (1-beta2)*g'
struct LionStep {
  double lr = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0.0;
  double gradient_scale = 1.0;  ///< clipping factor
};

/// Each updates value and momentum of `count` elements; the gradient is only read. An element's result depends only on
/// its own inputs, and `rounded` gets the new values as bfloat16, as for adamw() (models/kernels/cpu/adamw.hpp).
void sgd(const SgdStep& step, std::int64_t count, float* value, const float* grad, float* momentum,
         std::uint16_t* rounded = nullptr);
void sgd(const SgdStep& step, std::int64_t count, double* value, const double* grad, double* momentum);
void lion(const LionStep& step, std::int64_t count, float* value, const float* grad, float* momentum,
          std::uint16_t* rounded = nullptr);
void lion(const LionStep& step, std::int64_t count, double* value, const double* grad, double* momentum);

}  // namespace trireme::kernels::cpu
