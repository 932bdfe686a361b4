#include <ATen/ops/empty.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "models/kernels/host.hpp"
#include "models/kernels/portable.hpp"

namespace trireme::kernels {
namespace {

NormForward rms_forward_host(const at::Tensor& x, const at::Tensor& weight, const spec::NormSpec& spec) {
  NormForward result;
  const std::int64_t rows = rows_of(x);
  const std::int64_t width = columns_of(x);
  result.output = at::empty(x.sizes(), x.options());
  result.rstd = at::empty({rows}, x.options().dtype(wide_type(x.scalar_type())));
  const void* from = x.const_data_ptr();
  const void* scale = weight.const_data_ptr();
  void* to = result.output.mutable_data_ptr();
  void* rstd = result.rstd.mutable_data_ptr();
  divide(rows, width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().rms_forward(element_of(x), count, width, offset(from, first * width, x), scale, spec.unit_offset,
                                 spec.eps, offset(to, first * width, x), offset(rstd, first, result.rstd));
  });
  return result;
}

NormBackward rms_backward_host(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                               const at::Tensor& weight, const spec::NormSpec& spec) {
  NormBackward result;
  const std::int64_t width = columns_of(x);
  const std::int64_t threads = omp_get_max_threads();
  result.input = at::empty(x.sizes(), x.options());
  at::Tensor partial = at::zeros({threads, width}, forward.rstd.options());
  const void* d = dy.const_data_ptr();
  const void* from = x.const_data_ptr();
  const void* rstd = forward.rstd.const_data_ptr();
  const void* scale = weight.const_data_ptr();
  void* to = result.input.mutable_data_ptr();
  void* sums = partial.mutable_data_ptr();
  divide(rows_of(x), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().rms_backward(element_of(x), count, width, offset(d, first * width, x),
                                  offset(from, first * width, x), offset(rstd, first, forward.rstd), scale,
                                  spec.unit_offset, offset(to, first * width, x),
                                  offset(sums, omp_get_thread_num() * width, partial));
  });
  result.weight = threads == 1 ? partial.view({width}) : at::sum(partial, {0});
  return result;
}

// ATen computes LayerNorm. Its host kernels would store the statistics of bf16 rows and sum the gradients of bf16
// weights in bf16: forward gets fp32 weights, and backward fp32 rows, too.
at::Tensor widened(const at::Tensor& x) { return x.to(wide_type(x.scalar_type())); }

at::Tensor layer_parameter(const at::Tensor& parameter, bool add_one) {
  if (!parameter.defined()) return parameter;
  return add_one ? widened(parameter).add(1) : widened(parameter);
}

}  // namespace

NormForward norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec) {
  if (x.is_cuda()) return portable::norm(x, weight, bias, spec);
  if (spec.kind == spec::NormKind::kRms) return rms_forward_host(x, weight, spec);
  NormForward result;
  std::tie(result.output, result.mean, result.rstd) = at::native_layer_norm(
      x, weight.sizes(), layer_parameter(weight, spec.unit_offset), layer_parameter(bias, false), spec.eps);
  return result;
}

NormBackward norm_backward(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                           const at::Tensor& weight, const at::Tensor& bias, const spec::NormSpec& spec) {
  if (x.is_cuda()) return portable::norm_backward(dy, x, forward, weight, bias, spec);
  if (spec.kind == spec::NormKind::kRms) return rms_backward_host(dy, x, forward, weight, spec);
  NormBackward result;
  std::tie(result.input, result.weight, result.bias) = at::native_layer_norm_backward(
      widened(dy), widened(x), weight.sizes(), forward.mean, forward.rstd, layer_parameter(weight, spec.unit_offset),
      layer_parameter(bias, false), {true, true, bias.defined()});
  result.input = result.input.to(x.scalar_type());
  return result;
}

}  // namespace trireme::kernels
