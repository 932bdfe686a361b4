#include <ATen/ops/_fused_rms_norm.h>
#include <ATen/ops/_fused_rms_norm_backward.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>

#include "models/kernels/portable.hpp"

namespace trireme::kernels::portable {
namespace {

at::Tensor widened(const at::Tensor& x) { return x.to(wide_type(x.scalar_type())); }

at::Tensor factor(const at::Tensor& weight, const spec::NormSpec& norm) {
  return norm.unit_offset ? widened(weight).add(1) : weight;
}

at::Tensor part(const at::Tensor& x, const Columns& columns) { return x.narrow(-1, columns.first, columns.count); }

/// (T, B, heads, size), wide.
at::Tensor heads_of(const at::Tensor& x, const Columns& columns, std::int64_t size) {
  return widened(part(x, columns).unflatten(-1, {columns.count / size, size}));
}

/// One number for each row, shaped to multiply rows of x.
at::Tensor for_rows(const at::Tensor& numbers, const at::Tensor& x) { return numbers.view({x.size(0), x.size(1), 1}); }

}  // namespace

// ATen's norms on devices take rows and weights of one type: with a wide factor the rows are widened, too.
NormForward norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec) {
  const at::Tensor w = factor(weight, spec);
  const at::Tensor rows = x.to(w.scalar_type());
  NormForward result;
  if (spec.kind == spec::NormKind::kRms) {
    std::tie(result.output, result.rstd) = at::_fused_rms_norm(rows, w.sizes(), w, spec.eps);
  } else {
    const at::Tensor b = bias.defined() ? bias.to(w.scalar_type()) : bias;
    std::tie(result.output, result.mean, result.rstd) = at::native_layer_norm(rows, w.sizes(), w, b, spec.eps);
  }
  result.output = result.output.to(x.scalar_type());
  return result;
}

NormBackward norm_backward(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                           const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec) {
  const at::Tensor w = factor(weight, spec);
  const at::Tensor rows = x.to(w.scalar_type()), grad = dy.to(w.scalar_type());
  NormBackward result;
  if (spec.kind == spec::NormKind::kRms) {
    std::tie(result.input, result.weight) =
        at::_fused_rms_norm_backward(grad, rows, w.sizes(), forward.rstd, w, {true, true});
  } else {
    const at::Tensor b = bias.defined() ? bias.to(w.scalar_type()) : bias;
    std::tie(result.input, result.weight, result.bias) = at::native_layer_norm_backward(
        grad, rows, w.sizes(), forward.mean, forward.rstd, w, b, {true, true, bias.defined()});
  }
  result.input = result.input.to(x.scalar_type());
  return result;
}

at::Tensor head_norm(const at::Tensor& x, const Columns& columns, const at::Tensor& weight, const spec::NormSpec& norm,
                     at::Tensor& y) {
  const at::Tensor heads = heads_of(x, columns, weight.numel());
  const at::Tensor rstd = heads.square().mean(-1, true).add_(norm.eps).rsqrt_();
  part(y, columns).copy_(heads.mul(rstd).mul_(factor(weight, norm)).flatten(-2));
  return rstd.flatten(0, 1).squeeze(-1);
}

at::Tensor head_norm_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& rstd,
                              const at::Tensor& weight, const spec::NormSpec& norm) {
  const std::int64_t size = weight.numel();
  const at::Tensor dy = heads_of(grad, columns, size);
  const at::Tensor inverse = rstd.view({x.size(0), x.size(1), -1, 1});
  const at::Tensor normal = heads_of(x, columns, size).mul(inverse);
  const at::Tensor scaled = dy.mul(factor(weight, norm));
  const at::Tensor along = scaled.mul(normal).mean(-1, true);
  const at::Tensor weight_grad = dy.mul(normal).sum(at::IntArrayRef{0, 1, 2});  // dy may be grad's own memory
  part(grad, columns).copy_(scaled.sub(normal.mul(along)).mul_(inverse).flatten(-2));
  return weight_grad;
}

at::Tensor row_squares(const at::Tensor& x, const Columns& owned) {
  return widened(part(x, owned)).square().sum(-1).flatten();
}

void scale_rows(const at::Tensor& x, const Columns& columns, const at::Tensor& rstd, const at::Tensor& weight,
                const spec::NormSpec& norm, at::Tensor& y) {
  part(y, columns).copy_(widened(part(x, columns)).mul(for_rows(rstd, x)).mul_(factor(weight, norm)));
}

at::Tensor row_dots(const at::Tensor& grad, const at::Tensor& x, const Columns& columns, const at::Tensor& weight,
                    const spec::NormSpec& norm) {
  return widened(part(grad, columns)).mul(factor(weight, norm)).mul_(part(x, columns)).sum(-1).flatten();
}

at::Tensor scale_rows_backward(at::Tensor& grad, const at::Tensor& x, const Columns& columns, const Columns& owned,
                               const at::Tensor& rstd, const at::Tensor& dots, std::int64_t width,
                               const at::Tensor& weight, const spec::NormSpec& norm) {
  const at::Tensor inverse = for_rows(rstd, x);
  const at::Tensor dy = widened(part(grad, columns));
  const at::Tensor normal = widened(part(x, columns)).mul(inverse);
  at::Tensor dx = dy.mul(factor(weight, norm));
  const Columns local{owned.first - columns.first, owned.count};
  const at::Tensor along = for_rows(dots, x).mul(inverse).div_(static_cast<double>(width));
  part(dx, local).sub_(part(normal, local).mul(along));
  const at::Tensor weight_grad = dy.mul(normal).sum(at::IntArrayRef{0, 1});  // dy may be grad's own memory
  part(grad, columns).copy_(dx.mul_(inverse));
  return weight_grad;
}

}  // namespace trireme::kernels::portable
