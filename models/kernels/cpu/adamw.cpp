#include "models/kernels/cpu/adamw.hpp"

#include <algorithm>
#include <vector>

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu {
namespace {

constexpr std::int64_t kBlock = 16384;

template <typename T>
double sum_blocks(std::int64_t count, const T* data, double (*squares)(std::int64_t, const T*)) {
  const std::int64_t blocks = (count + kBlock - 1) / kBlock;
  std::vector<double> partial(static_cast<std::size_t>(blocks));
#pragma omp parallel for schedule(static)
  for (std::int64_t b = 0; b < blocks; ++b) {
    partial[static_cast<std::size_t>(b)] = squares(std::min(kBlock, count - b * kBlock), data + b * kBlock);
  }
  double sum = 0.0;
  for (const double part : partial) sum += part;
  return sum;
}

}  // namespace

void adamw(const AdamWStep& step, std::int64_t count, float* value, const float* grad, float* m, float* v,
           std::uint16_t* rounded) {
  const auto update = isa_table().adamw_float;
#pragma omp parallel for schedule(static)
  for (std::int64_t first = 0; first < count; first += kBlock) {
    update(step, std::min(kBlock, count - first), value + first, grad + first, m + first, v + first,
           rounded == nullptr ? nullptr : rounded + first);
  }
}

void adamw(const AdamWStep& step, std::int64_t count, double* value, const double* grad, double* m, double* v) {
  const auto update = isa_table().adamw_double;
#pragma omp parallel for schedule(static)
  for (std::int64_t first = 0; first < count; first += kBlock) {
    update(step, std::min(kBlock, count - first), value + first, grad + first, m + first, v + first);
  }
}

double sum_of_squares(std::int64_t count, const float* data) {
  return sum_blocks(count, data, isa_table().squares_float);
}

double sum_of_squares(std::int64_t count, const double* data) {
  return sum_blocks(count, data, isa_table().squares_double);
}

}  // namespace trireme::kernels::cpu
