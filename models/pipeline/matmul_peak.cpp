#include "models/pipeline/matmul_peak.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "base/clock.hpp"
#include "models/parallel/host_read.hpp"
#include "models/parallel/linear_products.hpp"

namespace trireme::pipeline {
namespace {

constexpr double kDeviceSeconds = 0.05;

/// Values in [-1, 1], the same in every run; they repeat after 64 rows.
at::Tensor random_square(std::int64_t n, at::Device device, at::ScalarType type, std::uint32_t seed) {
  constexpr std::int64_t kRows = 64;
  const at::Tensor rows = at::empty({kRows, n}, at::TensorOptions(at::kFloat));
  std::minstd_rand random(seed);
  float* values = rows.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < rows.numel(); ++i) values[i] = static_cast<float>(random()) * 0x1p-30F - 1.0F;
  return rows.to(device, type).repeat({n / kRows, 1});
}

}  // namespace

MatmulTiming time_matmul(at::Device device, at::ScalarType type) {
  // Large enough to reach the peak; small enough to take only some milliseconds on a core.
  const std::int64_t n = device.is_cuda() ? 8192 : 768;
  const at::Tensor a = random_square(n, device, type, 1);
  const at::Tensor b = random_square(n, device, type, 2);
  at::Tensor c = parallel::linear_product(a, b);
  const auto seconds_of = [&](int products) {
    parallel::read_host(c.select(0, 0).select(0, 0));  // waits for a device
    const auto start = std::chrono::steady_clock::now();
    for (int product = 0; product < products; ++product) parallel::linear_product_into(a, b, c);
    parallel::read_host(c.select(0, 0).select(0, 0));
    return base::seconds_since(start);
  };
  int products = 3;
  double seconds = seconds_of(products);
  if (device.is_cuda()) {
    products = std::max(products, static_cast<int>(std::ceil(kDeviceSeconds / seconds * products)));
    seconds = seconds_of(products);
  }
  return {products * 2.0 * static_cast<double>(n) * static_cast<double>(n * n), seconds};
}

}  // namespace trireme::pipeline
