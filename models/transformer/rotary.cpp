#include "models/transformer/rotary.hpp"

#include <ATen/ops/empty.h>

#include <cmath>

namespace trireme::transformer {

RotaryTables rotary_tables(std::int64_t positions, std::int64_t head_size, double theta, at::ScalarType type,
                           at::Device device) {
  const std::int64_t half = head_size / 2;
  at::Tensor cosine = at::empty({positions, half}, at::kDouble);
  at::Tensor sine = at::empty({positions, half}, at::kDouble);
  double* cosines = cosine.mutable_data_ptr<double>();
  double* sines = sine.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < half; ++i) {
    const double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(head_size));
    for (std::int64_t p = 0; p < positions; ++p) {
      const double angle = static_cast<double>(p) * frequency;
      cosines[p * half + i] = std::cos(angle);
      sines[p * half + i] = std::sin(angle);
    }
  }
  return {cosine.to(device, type), sine.to(device, type)};
}

}  // namespace trireme::transformer
