// The kernels exist once per instruction set (the files under isa/ are compiled with several -march); the best one
// that the CPU has is chosen once. Files under isa/ use no templates or inline functions from outside, so that no
// code of a higher instruction set leaks into the rest of the program.
#pragma once

#include <cstdint>
#include <vector>

#include "models/kernels/cpu/adamw.hpp"

namespace trireme::kernels::cpu {

/// What an element is. bf16 data is computed with in fp32.
enum class Element { kFloat, kDouble, kBFloat16 };

/// Serial kernels over a range; the callers divide the work over threads. Matrices are dense, row-major, of the
/// Element's type; "wide" means fp64 for kDouble, else fp32. Meanings stand in models/kernels/kernels.hpp.
struct IsaTable {
  const char* name;
  void (*adamw_float)(const AdamWStep&, std::int64_t, float*, const float*, float*, float*, std::uint16_t*);
  void (*adamw_double)(const AdamWStep&, std::int64_t, double*, const double*, double*, double*);
  double (*squares_float)(std::int64_t, const float*);
  double (*squares_double)(std::int64_t, const double*);

  /// y = x * rstd * weight by rows; rstd is wide, one per row.
  void (*rms_forward)(Element, std::int64_t rows, std::int64_t width, const void* x, const void* weight, double eps,
                      void* y, void* rstd);
  /// dx by rows; adds to wide weight_grad[width].
  void (*rms_backward)(Element, std::int64_t rows, std::int64_t width, const void* dy, const void* x, const void* rstd,
                       const void* weight, void* dx, void* weight_grad);
  /// gate_up holds 2*width per row: gate, then up.
  void (*swiglu)(Element, std::int64_t rows, std::int64_t width, const void* gate_up, void* y);
  void (*swiglu_backward)(Element, std::int64_t rows, std::int64_t width, const void* dy, const void* gate_up,
                          void* grad);
  /// h += bias (may be null) in place, y = gelu(h).
  void (*gelu)(Element, std::int64_t rows, std::int64_t width, void* h, const void* bias, void* y);
  /// dh = dy * gelu'(h); dh may be dy.
  void (*gelu_backward)(Element, std::int64_t count, const void* dy, const void* h, void* dh);
  /// Rotates `heads` heads of `head_size` at the start of each of `rows` rows of `stride` elements, all at one
  /// position with the wide tables cosine and sine [head_size / 2]; `sign` -1 rotates back.
  void (*rotate)(Element, std::int64_t rows, std::int64_t stride, std::int64_t heads, std::int64_t head_size,
                 const void* cosine, const void* sine, double sign, void* data);
  /// y += x + bias; x and bias may be null.
  void (*add)(Element, std::int64_t rows, std::int64_t width, const void* x, const void* bias, void* y);
  /// wide sums[c] = or += sum over rows of x[row * stride + c], c < width.
  void (*column_sum)(Element, std::int64_t rows, std::int64_t width, std::int64_t stride, const void* x, bool overwrite,
                     void* sums);
  /// wide sum[i] += x[i].
  void (*accumulate)(Element, std::int64_t count, const void* x, void* sum);
  /// Per row: statistics[3] = maximum, sum of exp(logit - maximum), logit of the target (0 when target < 0), and the
  /// logits become exp(logit - maximum).
  void (*softmax_statistics)(Element, std::int64_t rows, std::int64_t width, void* logits, const std::int64_t* target,
                             double* statistics);
  /// Per row: e = e * factor, and minus `at_target` at the target (when it is >= 0).
  void (*softmax_gradient)(Element, std::int64_t rows, std::int64_t width, void* e, const std::int64_t* target,
                           const double* factor, const double* at_target);
};

/// The tables that this CPU can run, the best one first.
std::vector<const IsaTable*> isa_tables();
/// The best one.
const IsaTable& isa_table();

}  // namespace trireme::kernels::cpu
