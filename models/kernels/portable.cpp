#include "models/kernels/portable.hpp"

#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_fused_rms_norm_backward.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/index_put.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/where.h>

namespace trireme::kernels::portable {

NormForward rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  NormForward result;
  std::tie(result.output, result.rstd) = at::_fused_rms_norm(x, weight.sizes(), weight, eps);
  return result;
}

NormBackward rms_norm_backward(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                               const at::Tensor& weight) {
  NormBackward result;
  std::tie(result.input, result.weight) =
      at::_fused_rms_norm_backward(dy, x, weight.sizes(), forward.rstd, weight, {true, true});
  return result;
}

at::Tensor gelu(at::Tensor& h, const at::Tensor& bias) {
  if (bias.defined()) h.add_(bias);
  return at::gelu(h, "tanh");
}

at::Tensor gelu_backward(at::Tensor dy, const at::Tensor& h) { return at::gelu_backward_out(dy, dy, h, "tanh"); }

void add(at::Tensor& y, const at::Tensor& x, const at::Tensor& bias) {
  if (bias.defined()) y.add_(bias);
  if (x.defined()) y.add_(x);
}

void column_sum(const at::Tensor& x, at::Tensor& sums, bool overwrite) {
  const at::Tensor sum = at::sum(x.reshape({-1, x.size(-1)}), {0}, false, sums.scalar_type());
  overwrite ? sums.copy_(sum) : sums.add_(sum);
}

void accumulate(at::Tensor& sum, const at::Tensor& x) { sum.add_(x); }

void add_rows(at::Tensor& grad, const at::Tensor& rows, const at::Tensor& dy) {
  // Absent rows add zeros somewhere (a choice of rows would have the host wait for their number): each to another row,
  // for additions to one row are made one after another.
  at::Tensor values = dy.reshape({-1, grad.size(-1)}).to(grad.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  values.masked_fill_(rows.lt(0).unsqueeze(1), 0);
  const at::Tensor elsewhere = at::arange(rows.numel(), rows.options()).remainder_(grad.size(0));
  grad.index_put_({at::where(rows.lt(0), elsewhere, rows)}, values, /*accumulate=*/true);
}

void add_product(at::Tensor& sums, const at::Tensor& a, const at::Tensor& b, double beta) {
  at::addmm_out(sums, sums, a, b, sums.scalar_type(), beta, 1.0);
}

}  // namespace trireme::kernels::portable
