#include <ATen/ops/empty.h>

#include "models/kernels/host.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::kernels {

at::Tensor softmax_statistics(at::Tensor& logits, const at::Tensor& target, const LogitScaling& scaling) {
  const std::int64_t rows = rows_of(logits);
  const std::int64_t width = columns_of(logits);
  at::Tensor statistics = at::empty({rows, 3}, logits.options().dtype(at::kDouble));
  if (logits.is_cuda()) {
    cuda_table().softmax_statistics(logits, target, scaling, statistics);
    return statistics;
  }
  void* data = logits.mutable_data_ptr();
  const std::int64_t* targets = target.const_data_ptr<std::int64_t>();
  double* to = statistics.mutable_data_ptr<double>();
  divide(rows, width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().softmax_statistics(element_of(logits), count, width, scaling.scale, scaling.soft_cap,
                                        offset(data, first * width, logits), targets + first, to + 3 * first);
  });
  return statistics;
}

void softmax_gradient(at::Tensor& logits, const at::Tensor& statistics, const at::Tensor& target,
                      const at::Tensor& factor, const at::Tensor& at_target, const LogitScaling& scaling) {
  if (logits.is_cuda()) {
    cuda_table().softmax_gradient(logits, statistics, target, factor, at_target, scaling);
    return;
  }
  const std::int64_t width = columns_of(logits);
  void* data = logits.mutable_data_ptr();
  const double* from = statistics.const_data_ptr<double>();
  const std::int64_t* targets = target.const_data_ptr<std::int64_t>();
  const double* factors = factor.const_data_ptr<double>();
  const double* subtract = at_target.const_data_ptr<double>();
  divide(rows_of(logits), width, [&](std::int64_t first, std::int64_t count) {
    cpu::isa_table().softmax_gradient(element_of(logits), count, width, scaling.scale, scaling.soft_cap,
                                      from + 3 * first, targets + first, factors + first, subtract + first,
                                      offset(data, first * width, logits));
  });
}

}  // namespace trireme::kernels
