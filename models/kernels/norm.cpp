#include <ATen/ops/empty.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "models/kernels/host.hpp"
#include "models/kernels/portable.hpp"

namespace trireme::kernels {
namespace {

NormForward rms_forward_host(const at::Tensor& x, const at::Tensor& weight, double eps) {
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
    cpu::isa_table().rms_forward(element_of(x), count, width, offset(from, first * width, x), scale, eps,
                                 offset(to, first * width, x), offset(rstd, first, result.rstd));
  });
  return result;
}

NormBackward rms_backward_host(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                               const at::Tensor& weight) {
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
                                  offset(to, first * width, x), offset(sums, omp_get_thread_num() * width, partial));
  });
  result.weight = threads == 1 ? partial.view({width}) : at::sum(partial, {0});
  return result;
}

}  // namespace

NormForward norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  NormForward result;
  if (bias.defined()) {
    std::tie(result.output, result.mean, result.rstd) = at::native_layer_norm(x, weight.sizes(), weight, bias, eps);
  } else if (x.is_cuda()) {
    result = portable::rms_norm(x, weight, eps);
  } else {
    result = rms_forward_host(x, weight, eps);
  }
  return result;
}

NormBackward norm_backward(const at::Tensor& dy, const at::Tensor& x, const NormForward& forward,
                           const at::Tensor& weight, const at::Tensor& bias) {
  NormBackward result;
  if (bias.defined()) {
    std::tie(result.input, result.weight, result.bias) = at::native_layer_norm_backward(
        dy, x, weight.sizes(), forward.mean, forward.rstd, weight, bias, {true, true, true});
  } else if (x.is_cuda()) {
    result = portable::rms_norm_backward(dy, x, forward, weight);
  } else {
    result = rms_backward_host(dy, x, forward, weight);
  }
  return result;
}

}  // namespace trireme::kernels
