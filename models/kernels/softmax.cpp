#include <ATen/ops/empty.h>

#include "models/kernels/host.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::kernels {

at::Tensor softmax_statistics(at::Tensor& logits, const at::Tensor& target) {
  const std::int64_t rows = rows_of(logits);
  const std::int64_t width = columns_of(logits);
  at::Tensor statistics = at::empty({rows, 3}, logits.options().dtype(at::kDouble));
  if (logits.is_cuda()) {
    cuda_table().softmax_statistics(logits, target, statistics);
    return statistics;
  }
  void* data = logits.mutable_data_ptr();
  const std::int64_t* targets = target.const_data_ptr<std::int64_t>();
  double* to = statistics.mutable_data_ptr<double>();
  divide(rows, width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().softmax_statistics(element_of(logits), count, width, offset(data, first * width, logits),
                                        targets + first, to + 3 * first);
  });
  return statistics;
}

void softmax_gradient(at::Tensor& e, const at::Tensor& target, const at::Tensor& factor, const at::Tensor& at_target) {
  if (e.is_cuda()) {
    cuda_table().softmax_gradient(e, target, factor, at_target);
    return;
  }
  const std::int64_t width = columns_of(e);
  void* data = e.mutable_data_ptr();
  const std::int64_t* targets = target.const_data_ptr<std::int64_t>();
  const double* factors = factor.const_data_ptr<double>();
  const double* subtract = at_target.const_data_ptr<double>();
  divide(rows_of(e), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().softmax_gradient(element_of(e), count, width, offset(data, first * width, e), targets + first,
                                      factors + first, subtract + first);
  });
}

}  // namespace trireme::kernels
