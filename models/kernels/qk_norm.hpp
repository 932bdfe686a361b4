// RMSNorm of queries or keys inside fused rows x (T, B, C), on some of the columns. Sums are wide, and their order
// depends on the shapes only, not on the number of threads.
//
// Forward writes to y (T, B, C), which may be x. Backward needs x as it was before the norm (it cannot be computed from
// y, for weights may be 0). The cheapest way to keep it: the caller keeps the projection and rstd for backward, and
// writes a normalised copy that lives as long as attention does; backward calls forward again, or scale_rows(), where
// attention needs the copy once more. The columns of y that no call names, such as the values, are the caller's.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "models/spec/plan.hpp"

namespace trireme::kernels {

/// Columns [first, first + count) of fused rows.
struct Columns {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

// Of `norm` eps and unit_offset are read: the factor w is the weight, or 1 + weight, added in the wide type.

// ---- Over each head: QkNorm::kHead ----
/// weight (head_size) is the same for every head of the columns. Returns 1 / sqrt(mean(x²) + eps), (T*B, heads), wide.
at::Tensor head_norm(const at::Tensor& x, const Columns& columns, const at::Tensor& weight, const spec::NormSpec& norm,
                     at::Tensor& y);
/// Overwrites the columns of grad (T, B, C), the gradient of y, by the gradient of x. Returns the weight's gradient,
/// (head_size), wide.
at::Tensor head_norm_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& rstd,
                              const at::Tensor& weight, const spec::NormSpec& norm);

// ---- Over the width: QkNorm::kWidth. The mean runs over the heads of all tp ranks, and the caller sums what the ranks
// have between these calls. A key head that several ranks hold belongs to one of them: `owned` are the columns of the
// heads that belong to this rank. weight (columns.count) is this rank's part. ----
/// Returns this rank's part of the sum of x² of each row, (T*B), wide.
at::Tensor row_squares(const at::Tensor& x, const Columns& owned);
/// y = x * rstd * w, where rstd (T*B, wide) is 1 / sqrt(sum of the ranks' row_squares / width + eps).
void scale_rows(const at::Tensor& x, const Columns& columns, const at::Tensor& rstd, const at::Tensor& weight,
                const spec::NormSpec& norm, at::Tensor& y);
/// Returns this rank's part of the sum of grad * w * x of each row, (T*B), wide, over all its columns: ranks that share
/// a head each have a part of its gradient.
at::Tensor row_dots(const at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& weight,
                    const spec::NormSpec& norm);
/// Overwrites the columns of grad by rstd * w * grad, in the owned ones minus x * rstd³ * dots / width: `dots` is the
/// sum of the ranks' row_dots, `width` the number of columns of all ranks' owned heads. Where ranks share a head, the
/// sum of what they hold is its gradient. Returns this rank's part of the weight's gradient, (columns.count), wide.
at::Tensor scale_rows_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const Columns& owned,
                               const at::Tensor& rstd, const at::Tensor& dots, std::int64_t width,
                               const at::Tensor& weight, const spec::NormSpec& norm);

}  // namespace trireme::kernels
