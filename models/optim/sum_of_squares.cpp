#include "models/optim/sum_of_squares.hpp"

#include <ATen/ops/linalg_vector_norm.h>

#include "models/kernels/cpu/adamw.hpp"

namespace trireme::optim {
namespace {

double device_sum(const at::Tensor& data) {
  const double norm = at::linalg_vector_norm(data, 2, {}, false, at::kDouble).item<double>();
  return norm * norm;
}

}  // namespace

double sum_of_squares(const at::Tensor& flat, const std::vector<layout::FlatRange>& ranges) {
  double sum = 0.0;
  for (const layout::FlatRange& range : ranges) {
    if (!flat.is_cpu()) {
      sum += device_sum(flat.narrow(0, range.begin, range.size()));
    } else if (flat.scalar_type() == at::kDouble) {
      sum += kernels::cpu::sum_of_squares(range.size(), flat.const_data_ptr<double>() + range.begin);
    } else {
      sum += kernels::cpu::sum_of_squares(range.size(), flat.const_data_ptr<float>() + range.begin);
    }
  }
  return sum;
}

}  // namespace trireme::optim
