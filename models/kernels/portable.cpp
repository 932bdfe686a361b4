#include "models/kernels/portable.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/index_put.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/threshold_backward.h>
#include <ATen/ops/where.h>

#include "base/error.hpp"

namespace trireme::kernels::portable {
namespace {

at::Tensor function(const at::Tensor& x, spec::Activation activation) {
  switch (activation) {
    case spec::Activation::kGelu: return at::gelu(x, "none");
    case spec::Activation::kGeluTanh: return at::gelu(x, "tanh");
    case spec::Activation::kSilu: return at::silu(x);
    case spec::Activation::kRelu: return at::relu(x);
  }
  throw base::Error("an activation function without a formula");
}

/// Overwrites dy by dy * activation'(x).
at::Tensor times_slope(at::Tensor dy, const at::Tensor& x, spec::Activation activation) {
  switch (activation) {
    case spec::Activation::kGelu: return at::gelu_backward_out(dy, dy, x, "none");
    case spec::Activation::kGeluTanh: return at::gelu_backward_out(dy, dy, x, "tanh");
    case spec::Activation::kSilu: return at::silu_backward_out(dy, dy, x);
    case spec::Activation::kRelu: return at::threshold_backward_out(dy, dy, x, 0);
  }
  throw base::Error("an activation function without a formula");
}

}  // namespace

at::Tensor activate(at::Tensor& h, const at::Tensor& bias, spec::Activation activation, bool gated) {
  add(h, {}, bias);
  if (!gated) return function(h, activation);
  const std::int64_t width = h.size(-1) / 2;
  return function(h.narrow(-1, 0, width), activation).mul_(h.narrow(-1, width, width));
}

at::Tensor activate_backward(const at::Tensor& dy, const at::Tensor& h, spec::Activation activation, bool gated) {
  if (!gated) return times_slope(dy, h, activation);
  const std::int64_t width = dy.size(-1);
  const at::Tensor gate = h.narrow(-1, 0, width), up = h.narrow(-1, width, width);
  return at::cat({times_slope(dy.mul(up), gate, activation), function(gate, activation).mul_(dy)}, -1);
}

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
