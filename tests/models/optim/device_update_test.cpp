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

using Types = std::tuple<at::ScalarType, at::ScalarType, RuleKind>;  // types of values and of gradients

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
  RuleOptions options;
  options.kind = std::get<2>(GetParam());
  const std::vector<OptimizerGroup> groups = {OptimizerGroup{{}, options}};
  Optimizer on_host(host, groups, own), on_device(device, groups, own);
  const at::Tensor values = at::randn({elements}, at::kDouble);
  host.flat_values().copy_(values);
  device.flat_values().copy_(host.flat_values());
  for (std::size_t part = 0; part < on_host.parts().size() && on_host.has_masters(); ++part) {
    const at::Tensor& masters = on_host.parts()[part].masters;
    masters.copy_(values.narrow(0, 0, masters.numel()));
    on_device.parts()[part].masters.copy_(masters);
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
  const auto [value_type, grad_type, kind] = GetParam();
  expect_close(device.flat_values(), host.flat_values(), value_type);
  for (std::size_t part = 0; part < on_host.parts().size(); ++part) {
    const OptimizerPart &here = on_host.parts()[part], &there = on_device.parts()[part];
    for (std::size_t slot = 0; slot < here.slots.size(); ++slot) {
      expect_close(there.slots[slot], here.slots[slot], grad_type);
    }
    if (on_host.has_masters()) expect_close(there.masters, here.masters, grad_type);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, DeviceUpdate,
                         ::testing::Values(Types(at::kDouble, at::kDouble, RuleKind::kAdamW),
                                           Types(at::kFloat, at::kFloat, RuleKind::kAdamW),
                                           Types(at::kBFloat16, at::kFloat, RuleKind::kAdamW),
                                           Types(at::kDouble, at::kDouble, RuleKind::kSgd),
                                           Types(at::kBFloat16, at::kFloat, RuleKind::kSgd),
                                           Types(at::kDouble, at::kDouble, RuleKind::kLion),
                                           Types(at::kBFloat16, at::kFloat, RuleKind::kLion),
                                           Types(at::kDouble, at::kDouble, RuleKind::kMuon)));

}  // namespace
}  // namespace trireme::optim
