#include <ATen/ops/empty.h>

#include "models/kernels/host.hpp"
#include "models/kernels/portable.hpp"

namespace trireme::kernels {
namespace {

at::Tensor with_columns(const at::Tensor& x, std::int64_t columns) {
  auto shape = x.sizes().vec();
  shape.back() = columns;
  return at::empty(shape, x.options());
}

/// The CUDA library has this one; the others are ATen's operations there.
bool has_device_kernel(spec::Activation activation, bool gated) {
  return gated && activation == spec::Activation::kSilu;
}

at::Tensor activate_on_device(at::Tensor& h, const at::Tensor& bias, spec::Activation activation, bool gated) {
  if (!has_device_kernel(activation, gated)) return portable::activate(h, bias, activation, gated);
  portable::add(h, {}, bias);
  at::Tensor y = with_columns(h, columns_of(h) / 2);
  cuda_table().swiglu(h, y);
  return y;
}

at::Tensor activate_backward_on_device(const at::Tensor& dy, const at::Tensor& h, spec::Activation activation,
                                       bool gated) {
  if (!has_device_kernel(activation, gated)) return portable::activate_backward(dy, h, activation, gated);
  at::Tensor grad = with_columns(h, columns_of(h));
  cuda_table().swiglu_backward(dy, h, grad);
  return grad;
}

}  // namespace

at::Tensor activate(at::Tensor& h, const at::Tensor& bias, spec::Activation activation, bool gated) {
  if (h.is_cuda()) return activate_on_device(h, bias, activation, gated);
  const std::int64_t inner = columns_of(h);
  const std::int64_t width = gated ? inner / 2 : inner;
  at::Tensor y = with_columns(h, width);
  void* from = h.mutable_data_ptr();
  void* to = y.mutable_data_ptr();
  const void* added = bias.defined() ? bias.const_data_ptr() : nullptr;
  divide(rows_of(h), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().activate(element_of(h), activation, gated, count, width, offset(from, first * inner, h), added,
                              offset(to, first * width, h));
  });
  return y;
}

at::Tensor activate_backward(at::Tensor dy, const at::Tensor& h, spec::Activation activation, bool gated) {
  if (dy.is_cuda()) return activate_backward_on_device(dy, h, activation, gated);
  const std::int64_t width = columns_of(dy);
  const std::int64_t inner = columns_of(h);
  at::Tensor grad = gated ? with_columns(h, inner) : dy;
  const void* d = dy.const_data_ptr();
  const void* from = h.const_data_ptr();
  void* to = grad.mutable_data_ptr();
  divide(rows_of(h), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().activate_backward(element_of(dy), activation, gated, count, width, offset(d, first * width, dy),
                                       offset(from, first * inner, dy), offset(to, first * inner, dy));
  });
  return grad;
}

}  // namespace trireme::kernels
