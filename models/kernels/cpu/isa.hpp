// The kernels exist once per instruction set (the files under isa/ are compiled with several -march), and the best one
// that the CPU has is chosen once. Files under isa/ use no templates or inline functions from outside, so that no code
// of a higher instruction set gets into the rest of the program.
#pragma once

#include <cstdint>
#include <vector>

#include "models/kernels/cpu/adamw.hpp"

namespace trireme::kernels::cpu {

/// The type of an element. Arithmetic on bf16 data is done in fp32.
enum class Element { kFloat, kDouble, kBFloat16 };

/// Single-threaded kernels over a range; the callers divide the work over threads. Matrices are dense, row-major, of
/// the Element's type; "wide" means fp64 for kDouble, else fp32. models/kernels/kernels.hpp says what each function
/// computes.
struct IsaTable {
  const char* name;
  void (*adamw_float)(const AdamWStep&, std::int64_t, float*, const float*, float*, float*, std::uint16_t*);
  void (*adamw_double)(const AdamWStep&, std::int64_t, double*, const double*, double*, double*);
  double (*squares_float)(std::int64_t, const float*);
  double (*squares_double)(std::int64_t, const double*);

  /// y = x * rstd * weight, row by row; rstd is wide, one per row.
  void (*rms_forward)(Element, std::int64_t rows, std::int64_t width, const void* x, const void* weight, double eps,
                      void* y, void* rstd);
  /// Computes dx row by row, and adds to wide weight_grad[width].
  void (*rms_backward)(Element, std::int64_t rows, std::int64_t width, const void* dy, const void* x, const void* rstd,
                       const void* weight, void* dx, void* weight_grad);
  /// Each row of gate_up holds 2*width elements: the gate, then up.
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
  /// For each row: statistics[3] = maximum, sum of exp(logit - maximum), logit of the target (0 when target < 0). The
  /// logits are overwritten by exp(logit - maximum).
  void (*softmax_statistics)(Element, std::int64_t rows, std::int64_t width, void* logits, const std::int64_t* target,
                             double* statistics);
  /// For each row: e = e * factor, and at the target (when it is >= 0) minus `at_target`.
  void (*softmax_gradient)(Element, std::int64_t rows, std::int64_t width, void* e, const std::int64_t* target,
                           const double* factor, const double* at_target);
};

/// The tables that this CPU can run, the best one first.
std::vector<const IsaTable*> isa_tables();
/// The best table that this CPU can run.
const IsaTable& isa_table();

}  // namespace trireme::kernels::cpu
