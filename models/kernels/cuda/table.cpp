// The table of device kernels that models/kernels/kernels.hpp looks up as "trireme_cuda_kernels".
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "base/error.hpp"
#include "models/kernels/cuda/launch.hpp"
#include "models/kernels/dropout.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::kernels::cuda {
namespace {

Element element_of(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat: return Element::kFloat;
    case at::kDouble: return Element::kDouble;
    case at::kBFloat16: return Element::kBFloat16;
    default: throw base::Error(base::str("no device kernel for elements of type ", c10::toString(x.scalar_type())));
  }
}

std::int64_t rows_of(const at::Tensor& x) { return x.numel() / x.size(-1); }

/// Selects x's device, calls `queue` with its current stream, and reports a launch that failed.
template <typename F>
void launch(const char* name, const at::Tensor& x, const F& queue) {
  if (x.numel() == 0) return;
  const c10::cuda::CUDAGuard guard(x.device());
  queue(c10::cuda::getCurrentCUDAStream().stream());
  const cudaError_t error = cudaGetLastError();
  if (error != cudaSuccess) throw base::Error(base::str("device kernel ", name, ": ", cudaGetErrorString(error)));
}

void swiglu_table(const at::Tensor& gate_up, at::Tensor& y) {
  launch("swiglu", y, [&](cudaStream_t stream) {
    swiglu(element_of(y), rows_of(y), y.size(-1), gate_up.const_data_ptr(), y.mutable_data_ptr(), stream);
  });
}

void swiglu_backward_table(const at::Tensor& dy, const at::Tensor& gate_up, at::Tensor& grad) {
  launch("swiglu backward", dy, [&](cudaStream_t stream) {
    swiglu_backward(element_of(dy), rows_of(dy), dy.size(-1), dy.const_data_ptr(), gate_up.const_data_ptr(),
                    grad.mutable_data_ptr(), stream);
  });
}

void rotate_table(at::Tensor& data, std::int64_t heads, std::int64_t head_size, const at::Tensor& cosine,
                  const at::Tensor& sine, std::int64_t first, bool inverse) {
  const at::Tensor c = cosine.narrow(0, first, data.size(0));
  const at::Tensor s = sine.narrow(0, first, data.size(0));
  launch("rotate", data, [&](cudaStream_t stream) {
    rotate(element_of(data), data.size(0), data.size(1), data.size(2), heads, head_size, c.size(1), c.const_data_ptr(),
           s.const_data_ptr(), inverse, data.mutable_data_ptr(), stream);
  });
}

void softmax_statistics_table(at::Tensor& logits, const at::Tensor& target, const LogitScaling& scaling,
                              at::Tensor& statistics) {
  launch("softmax statistics", logits, [&](cudaStream_t stream) {
    softmax_statistics(element_of(logits), rows_of(logits), logits.size(-1), scaling.scale, scaling.soft_cap,
                       logits.mutable_data_ptr(), target.const_data_ptr<std::int64_t>(),
                       statistics.mutable_data_ptr<double>(), stream);
  });
}

void softmax_gradient_table(at::Tensor& logits, const at::Tensor& statistics, const at::Tensor& target,
                            const at::Tensor& factor, const at::Tensor& at_target, const LogitScaling& scaling) {
  launch("softmax gradient", logits, [&](cudaStream_t stream) {
    softmax_gradient(element_of(logits), rows_of(logits), logits.size(-1), scaling.scale, scaling.soft_cap,
                     statistics.const_data_ptr<double>(), target.const_data_ptr<std::int64_t>(),
                     factor.const_data_ptr<double>(), at_target.const_data_ptr<double>(), logits.mutable_data_ptr(),
                     stream);
  });
}

void dropout_table(at::Tensor& x, const DropoutKey& key, const std::vector<std::int64_t>& samples) {
  const std::vector<std::uint64_t> keys = dropout_sample_keys(key, samples);
  const cpu::DropoutSlab slab = dropout_slab(key, x.size(1), x.size(2), keys.data());
  launch("dropout", x,
         [&](cudaStream_t stream) { dropout(element_of(x), slab, x.size(0), x.mutable_data_ptr(), stream); });
}

void sum_of_squares_table(const at::Tensor& flat, const at::Tensor& pieces, at::Tensor& sums, at::Tensor& total) {
  static_assert(sizeof(Piece) == 2 * sizeof(std::int64_t));
  launch("sum of squares", flat, [&](cudaStream_t stream) {
    sum_of_squares(element_of(flat), flat.const_data_ptr(), pieces.size(0),
                   reinterpret_cast<const Piece*>(pieces.const_data_ptr<std::int64_t>()),
                   sums.mutable_data_ptr<double>(), total.mutable_data_ptr<double>(), stream);
  });
}

void adamw_table(const cpu::AdamWStep& step, const at::Tensor& pieces, const AdamWBuffers& buffers) {
  static_assert(sizeof(UpdatePiece) == 4 * sizeof(std::int64_t));
  launch("adamw", buffers.grad, [&](cudaStream_t stream) {
    adamw(element_of(buffers.grad), step, pieces.size(0),
          reinterpret_cast<const UpdatePiece*>(pieces.const_data_ptr<std::int64_t>()), buffers.value.mutable_data_ptr(),
          buffers.grad.const_data_ptr(), buffers.m.mutable_data_ptr(), buffers.v.mutable_data_ptr(),
          buffers.rounded.defined() ? buffers.rounded.mutable_data_ptr() : nullptr, stream);
  });
}

}  // namespace
}  // namespace trireme::kernels::cuda

extern "C" __attribute__((visibility("default"))) const trireme::kernels::CudaTable* trireme_cuda_kernels() {
  using namespace trireme::kernels::cuda;
  static constexpr trireme::kernels::CudaTable kTable = {
      swiglu_table,           swiglu_backward_table, rotate_table,         softmax_statistics_table,
      softmax_gradient_table, dropout_table,         sum_of_squares_table, adamw_table};
  return &kTable;
}
