#include "models/kernels/kernels.hpp"

#include <ATen/ops/empty.h>

#include "models/kernels/host.hpp"
#include "models/kernels/portable.hpp"

namespace trireme::kernels {
namespace {

const CudaTable* g_cuda_table = nullptr;

}  // namespace

void set_cuda_table(const CudaTable* table) { g_cuda_table = table; }

const CudaTable& cuda_table() {
  if (g_cuda_table == nullptr) throw base::Error("a device tensor is used, but libtrireme_cuda.so is not loaded");
  return *g_cuda_table;
}

at::ScalarType wide_type(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

at::Tensor swiglu(const at::Tensor& gate_up) {
  auto shape = gate_up.sizes().vec();
  shape.back() /= 2;
  at::Tensor y = at::empty(shape, gate_up.options());
  if (gate_up.is_cuda()) {
    cuda_table().swiglu(gate_up, y);
    return y;
  }
  const std::int64_t width = columns_of(y);
  const void* from = gate_up.const_data_ptr();
  void* to = y.mutable_data_ptr();
  divide(rows_of(y), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().swiglu(element_of(y), count, width, offset(from, first * 2 * width, y),
                            offset(to, first * width, y));
  });
  return y;
}

at::Tensor swiglu_backward(const at::Tensor& dy, const at::Tensor& gate_up) {
  at::Tensor grad = at::empty(gate_up.sizes(), gate_up.options());
  if (gate_up.is_cuda()) {
    cuda_table().swiglu_backward(dy, gate_up, grad);
    return grad;
  }
  const std::int64_t width = columns_of(dy);
  const void* d = dy.const_data_ptr();
  const void* from = gate_up.const_data_ptr();
  void* to = grad.mutable_data_ptr();
  divide(rows_of(dy), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().swiglu_backward(element_of(dy), count, width, offset(d, first * width, dy),
                                     offset(from, first * 2 * width, dy), offset(to, first * 2 * width, dy));
  });
  return grad;
}

at::Tensor gelu(at::Tensor& h, const at::Tensor& bias) {
  if (h.is_cuda()) return portable::gelu(h, bias);
  at::Tensor y = at::empty(h.sizes(), h.options());
  const std::int64_t width = columns_of(h);
  void* from = h.mutable_data_ptr();
  void* to = y.mutable_data_ptr();
  const void* added = bias.defined() ? bias.const_data_ptr() : nullptr;
  divide(rows_of(h), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().gelu(element_of(h), count, width, offset(from, first * width, h), added,
                          offset(to, first * width, h));
  });
  return y;
}

at::Tensor gelu_backward(at::Tensor dy, const at::Tensor& h) {
  if (dy.is_cuda()) return portable::gelu_backward(dy, h);
  void* d = dy.mutable_data_ptr();
  const void* from = h.const_data_ptr();
  divide(
      dy.numel(), 1,
      [&](std::int64_t first, std::int64_t count) {
        cpu::isa_table().gelu_backward(element_of(dy), count, offset(d, first, dy), offset(from, first, dy),
                                       offset(d, first, dy));
      },
      64);
  return dy;
}

}  // namespace trireme::kernels
