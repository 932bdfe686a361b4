#include "models/pipeline/matmul_peak.hpp"

#include <ATen/ops/ones.h>

#include <chrono>

#include "models/parallel/linear.hpp"

namespace trireme::pipeline {

MatmulTiming time_matmul(at::Device device, at::ScalarType type) {
  // Large enough to reach the peak; small enough to take only some milliseconds on a core and nearly nothing on a GPU.
  const std::int64_t n = device.is_cuda() ? 8192 : 768;
  constexpr int kProducts = 3;
  const at::Tensor a = at::ones({n, n}, at::TensorOptions(device).dtype(type));
  const at::Tensor b = at::ones({n, n}, at::TensorOptions(device).dtype(type));
  at::Tensor c = parallel::linear(a, b);
  c.select(0, 0).select(0, 0).item();  // waits for a device
  const auto start = std::chrono::steady_clock::now();
  for (int product = 0; product < kProducts; ++product) parallel::linear_into(a, b, c);
  c.select(0, 0).select(0, 0).item();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return {kProducts * 2.0 * static_cast<double>(n) * static_cast<double>(n * n), seconds.count()};
}

}  // namespace trireme::pipeline
