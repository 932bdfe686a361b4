// The kernels exist once per instruction set (the files under isa/ are compiled with several -march), and the best one
// that the CPU has is chosen once. Files under isa/ use no templates or inline functions from outside, so that no code
// of a higher instruction set gets into the rest of the program.
#pragma once

#include <cstdint>
#include <vector>

#include "models/kernels/cpu/adamw.hpp"
#include "models/kernels/cpu/attention.hpp"
#include "models/kernels/cpu/momentum.hpp"
#include "models/kernels/cpu/row_product.hpp"
#include "models/spec/plan.hpp"

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
  void (*sgd_float)(const SgdStep&, std::int64_t, float*, const float*, float*, std::uint16_t*);
  void (*sgd_double)(const SgdStep&, std::int64_t, double*, const double*, double*);
  void (*lion_float)(const LionStep&, std::int64_t, float*, const float*, float*, std::uint16_t*);
  void (*lion_double)(const LionStep&, std::int64_t, double*, const double*, double*);
  double (*squares_float)(std::int64_t, const float*);
  double (*squares_double)(std::int64_t, const double*);

  /// y = x * rstd * w, row by row, where w is the weight or, with `unit_offset`, 1 + weight; rstd is wide, one per row.
  void (*rms_forward)(Element, std::int64_t rows, std::int64_t width, const void* x, const void* weight,
                      bool unit_offset, double eps, void* y, void* rstd);
  /// Computes dx row by row, and adds to wide weight_grad[width]. dx may be dy.
  void (*rms_backward)(Element, std::int64_t rows, std::int64_t width, const void* dy, const void* x, const void* rstd,
                       const void* weight, bool unit_offset, void* dx, void* weight_grad);
  // The same norm in pieces. Rows lie `stride` elements apart; results of one number per row are wide.
  /// sums = sum of x² of each row.
  void (*row_squares)(Element, std::int64_t rows, std::int64_t width, std::int64_t stride, const void* x, void* sums);
  /// y = x * rstd * w; y may be x.
  void (*scale_rows)(Element, std::int64_t rows, std::int64_t width, std::int64_t stride, const void* x,
                     const void* rstd, const void* weight, bool unit_offset, void* y);
  /// dots = sum of dy * w * x of each row.
  void (*row_dots)(Element, std::int64_t rows, std::int64_t width, std::int64_t stride, const void* dy, const void* x,
                   const void* weight, bool unit_offset, void* dots);
  /// grad = rstd * (w grad - x * rstd² dots / total), without the second term where dots is null; adds to wide
  /// weight_grad[width].
  void (*scale_rows_backward)(Element, std::int64_t rows, std::int64_t width, std::int64_t stride, void* grad,
                              const void* x, const void* rstd, const void* dots, double total, const void* weight,
                              bool unit_offset, void* weight_grad);
  /// h += bias (may be null) in place, y = activation(h). When `gated` a row of h and bias holds 2*width elements, the
  /// gate, then up, and y = activation(gate) * up.
  void (*activate)(Element, spec::Activation, bool gated, std::int64_t rows, std::int64_t width, void* h,
                   const void* bias, void* y);
  /// dh = the gradient of h; without `gated` it may be dy.
  void (*activate_backward)(Element, spec::Activation, bool gated, std::int64_t rows, std::int64_t width,
                            const void* dy, const void* h, void* dh);
  /// Rotates the first 2*half elements of each of `heads` heads of `head_size` at the start of each of `rows` rows of
  /// `stride` elements, all at one position with the wide tables cosine and sine [half]; `sign` -1 rotates back.
  void (*rotate)(Element, std::int64_t rows, std::int64_t stride, std::int64_t heads, std::int64_t head_size,
                 std::int64_t half, const void* cosine, const void* sine, double sign, void* data);
  /// y += x + bias; x and bias may be null.
  void (*add)(Element, std::int64_t rows, std::int64_t width, const void* x, const void* bias, void* y);
  /// wide sums[c] = or += sum over rows of x[row * stride + c], c < width.
  void (*column_sum)(Element, std::int64_t rows, std::int64_t width, std::int64_t stride, const void* x, bool overwrite,
                     void* sums);
  /// wide sum[i] += x[i].
  void (*accumulate)(Element, std::int64_t count, const void* x, void* sum);
  /// With z = scale * logit or, where soft_cap is not 0, soft_cap * tanh(scale * logit / soft_cap), for each row:
  /// statistics[3] = maximum of z, sum of exp(z - maximum), z of the target (0 when target < 0). Without a cap the
  /// logits are overwritten by exp(z - maximum), with it they stay.
  void (*softmax_statistics)(Element, std::int64_t rows, std::int64_t width, double scale, double soft_cap,
                             void* logits, const std::int64_t* target, double* statistics);
  /// Takes what softmax_statistics() left in `logits` and `statistics`. For each row: g = exp(z - maximum) * factor,
  /// and at the target (when it is >= 0) minus `at_target`; overwrites the logits by g * dz / dlogit.
  void (*softmax_gradient)(Element, std::int64_t rows, std::int64_t width, double scale, double soft_cap,
                           const double* statistics, const std::int64_t* target, const double* factor,
                           const double* at_target, void* logits);

  /// Writes outputs and log-sum-exp of the queries [first, end) of `heads` query heads; first is a multiple of
  /// kAttentionQueries. Each block's result is the same whatever the range. `scratch` has attention_scratch_bytes() and
  /// is aligned to 64 bytes, here and below.
  void (*attention_forward)(Element, const AttentionShape& shape, const AttentionKeyValue& kv, std::int64_t heads,
                            const AttentionHead* head, std::int64_t first, std::int64_t end, void* scratch);
  /// Writes all gradients, given outputs, their gradients and log-sum-exp. Queries are all positions.
  void (*attention_backward)(Element, const AttentionShape& shape, const AttentionKeyValue& kv, std::int64_t heads,
                             const AttentionHead* head, void* scratch);
  /// Writes outputs only, without documents, for few queries over many keys.
  void (*attention_rows)(Element, const AttentionShape& shape, const AttentionKeyValue& kv, std::int64_t heads,
                         const AttentionHead* head, void* scratch);

  /// y = x w^T; models/kernels/row_product.hpp says in which order. x is dense; `scratch` has
  /// row_product_scratch_bytes() and is aligned to 64 bytes.
  void (*row_product)(Element, const RowProduct& product, const void* x, const void* w, void* y, void* scratch);
};

/// Bytes that one thread needs for row_product().
std::int64_t row_product_scratch_bytes(Element element, std::int64_t rows, std::int64_t inner);

/// Bytes that one thread needs for `heads` query heads of one key/value head.
std::int64_t attention_scratch_bytes(Element element, const AttentionShape& shape, std::int64_t heads);

/// The tables that this CPU can run, the best one first.
std::vector<const IsaTable*> isa_tables();
/// The best table that this CPU can run.
const IsaTable& isa_table();

}  // namespace trireme::kernels::cpu
