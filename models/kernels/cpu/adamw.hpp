// AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019) over a flat range in host memory,
// and the sum of squares that clipping needs. Both use as many threads as OpenMP is set to.
#pragma once

#include <cstdint>

namespace trireme::kernels::cpu {

/// One optimizer step's numbers. With g' = gradient_scale * g:
///   m = beta1*m + (1-beta1)*g';  v = beta2*v + (1-beta2)*g'^2
///   p = p*(1 - lr*weight_decay) - (lr / correction1) * m / (sqrt(v / correction2) + eps)
struct AdamWStep {
  double lr = 0.0;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.0;
  double correction1 = 1.0;     ///< 1 - beta1^t, t = 1 at the first step
  double correction2 = 1.0;     ///< 1 - beta2^t
  double gradient_scale = 1.0;  ///< clipping factor
};

/// Updates value, m and v of `count` elements; the gradient is only read. Each element's result depends only on its own
/// inputs, so the bits are the same whatever the range, its alignment, the threads or the instruction set. With
/// `rounded`, the new values are also stored there as bfloat16 (rounded to nearest even).
void adamw(const AdamWStep& step, std::int64_t count, float* value, const float* grad, float* m, float* v,
           std::uint16_t* rounded = nullptr);
void adamw(const AdamWStep& step, std::int64_t count, double* value, const double* grad, double* m, double* v);

/// Returns the sum of squares in fp64. It is summed in fixed blocks of 16384 elements from `data` on, so the bits do
/// not depend on the number of threads.
double sum_of_squares(std::int64_t count, const float* data);
double sum_of_squares(std::int64_t count, const double* data);

}  // namespace trireme::kernels::cpu
