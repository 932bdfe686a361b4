// The gradient norm and the update on a GPU against those on the host. Skipped, with the reason, where there is no GPU.
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <tuple>

#include "collectives/nccl/cuda_library.hpp"
#include "models/kernels/kernels.hpp"
#include "models/optim/optimizer.hpp"
#include "models/optim/sum_of_squares.hpp"

namespace trireme::optim {
namespace {

using Types = std::tuple<at::ScalarType, at::ScalarType>;  // of values and of gradients

class DeviceUpdate : public ::testing::TestWithParam<Types> {
 protected:
  void SetUp() override {
    static const collectives::CudaSearch search = collectives::CudaSearch::run();
    if (!search.library) GTEST_SKIP() << search.reason;
    const auto entry = reinterpret_cast<kernels::CudaTableEntry>(search.library->symbol("trireme_cuda_kernels"));
    ASSERT_NE(entry, nullptr);
    kernels::set_cuda_table(entry());
  }
};

parallel::ParameterStore make_store(const Types& types, at::Device device) {
  spec::LogicalTensor matrix;
  matrix.name = "matrix";
  matrix.shape = {300, 257};
  matrix.decay = true;
  spec::LogicalTensor vector;
  vector.name = "vector";
  vector.shape = {33000};
  return parallel::ParameterStore(layout::lay_out({{"matrix", {matrix}}, {"vector", {vector}}}, 0, 1, 32, 128),
                                  std::get<0>(types), std::get<1>(types), device);
}

void expect_close(const at::Tensor& device, const at::Tensor& host, at::ScalarType type) {
  const double tolerance = type == at::kDouble ? 1e-14 : type == at::kFloat ? 1e-6 : 1.0 / 256;
  const at::Tensor expected = host.to(at::kDouble);
  const double off = device.to(at::kCPU, at::kDouble).sub(expected).abs().max().item<double>();
  EXPECT_LE(off, tolerance * expected.abs().max().item<double>());
}

TEST_P(DeviceUpdate, NormAndUpdatesAreThoseOfTheHost) {
  const at::Device gpu(at::kCUDA, 0);
  parallel::ParameterStore host = make_store(GetParam(), at::kCPU), device = make_store(GetParam(), gpu);
  const std::int64_t elements = host.flat_values().numel();
  const std::vector<layout::FlatRange> own = {{0, 40000}, {40032, elements}};
  Optimizer on_host(host, {}, own), on_device(device, {}, own);
  const at::Tensor values = at::randn({elements}, at::kDouble);
  host.flat_values().copy_(values);
  device.flat_values().copy_(host.flat_values());
  if (on_host.has_masters()) {
    on_host.masters().copy_(values.narrow(0, 0, on_host.masters().numel()));
    on_device.masters().copy_(on_host.masters());
  }
  for (int step = 0; step < 4; ++step) {
    host.flat_grads().normal_();
    device.flat_grads().copy_(host.flat_grads());
    const double expected = SumOfSquares(own, at::kCPU).of(host.flat_grads()).item<double>();
    const SumOfSquares squares(own, gpu);
    const double sum = squares.of(device.flat_grads()).item<double>();
    EXPECT_NEAR(sum, expected, 1e-13 * expected);
    EXPECT_EQ(squares.of(device.flat_grads()).item<double>(), sum);
    on_host.update(1e-2, 0.5);
    on_device.update(1e-2, 0.5);
    EXPECT_TRUE(device.flat_grads().cpu().equal(host.flat_grads()));
  }
  const auto [value_type, grad_type] = GetParam();
  expect_close(device.flat_values(), host.flat_values(), value_type);
  expect_close(on_device.first_moments(), on_host.first_moments(), grad_type);
  expect_close(on_device.second_moments(), on_host.second_moments(), grad_type);
  if (on_host.has_masters()) expect_close(on_device.masters(), on_host.masters(), grad_type);
}

INSTANTIATE_TEST_SUITE_P(Types, DeviceUpdate,
                         ::testing::Values(Types(at::kDouble, at::kDouble), Types(at::kFloat, at::kFloat),
                                           Types(at::kBFloat16, at::kFloat)));

}  // namespace
}  // namespace trireme::optim
