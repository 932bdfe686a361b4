// The model on a GPU against the same model on the host. Skipped, with the reason, where there is no GPU.
#include <gtest/gtest.h>

#include <cmath>

#include "collectives/nccl/cuda_library.hpp"
#include "models/kernels/kernels.hpp"
#include "tests/models/transformer/continued.hpp"
#include "tests/models/transformer/model_fixture.hpp"

namespace trireme::transformer {
namespace {

using trireme::test::Model;
using trireme::test::random_batch;
using trireme::test::small_model;

class DeviceTest : public ::testing::TestWithParam<std::tuple<std::string, at::ScalarType, Recompute>> {
 protected:
  void SetUp() override {
    static const collectives::CudaSearch search = collectives::CudaSearch::run();
    if (!search.library) GTEST_SKIP() << search.reason;
    const auto entry = reinterpret_cast<kernels::CudaTableEntry>(search.library->symbol("trireme_cuda_kernels"));
    ASSERT_NE(entry, nullptr);
    kernels::set_cuda_table(entry());
  }
  static double tolerance(at::ScalarType type) {
    return type == at::kDouble ? 1e-11 : type == at::kFloat ? 3e-5 : 5e-2;
  }
};

transformer::MicroBatch on_device(const MicroBatch& batch) {
  MicroBatch moved = batch;
  moved.tokens = batch.tokens.to(at::kCUDA);
  moved.targets = batch.targets.to(at::kCUDA);
  if (batch.starts.defined()) moved.starts = batch.starts.to(at::kCUDA);
  return moved;
}

double norm_of(const at::Tensor& x) { return std::sqrt(x.to(at::kDouble).square().sum().item<double>()); }

/// Heads of 8, which the fused attention kernels take.
spec::ModelConfig config_of(const std::string& family) {
  spec::ModelConfig config = small_model(family);
  tests::set_hidden(config, 96);
  return config;
}

/// Loss and gradients on the device, as far as the tolerance allows those of the host.
void expect_as_on_the_host(const std::string& family, at::ScalarType type, Recompute recompute, const MicroBatch& batch,
                           double tolerance) {
  spec::ModelConfig config = config_of(family);
  config.dropout = 0.2;
  ChunkContext context;
  context.recompute = recompute;
  Model host(config, context, type);
  Model device(config, context, type, at::Device(at::kCUDA, 0));
  const double loss = host.step(batch);
  EXPECT_NEAR(device.step(on_device(batch)), loss, tolerance * loss);
  const auto expected = host.gradients();
  double all = 0.0;
  for (const auto& [name, grad] : expected) all = std::hypot(all, norm_of(grad));
  for (const auto& [name, grad] : device.gradients()) {
    const at::Tensor wanted = expected.at(name).to(at::kDouble);
    const at::Tensor off = grad.to(at::kCPU, at::kDouble).sub(wanted);
    EXPECT_LE(norm_of(off), tolerance * (norm_of(wanted) + 1e-2 * all)) << name;
  }
}

TEST_P(DeviceTest, LossAndGradientsAreThoseOfTheHost) {
  const auto [family, type, recompute] = GetParam();
  expect_as_on_the_host(family, type, recompute, random_batch(config_of(family), 3, 16), tolerance(type));
}

TEST_P(DeviceTest, LossAndGradientsOfPackedSamplesAreThoseOfTheHost) {
  const auto [family, type, recompute] = GetParam();
  MicroBatch batch = random_batch(config_of(family), 3, 16);
  batch.starts = at::zeros({3, 16}, at::kInt);
  batch.starts.narrow(1, 5, 11).fill_(5);
  batch.starts.select(0, 2).narrow(0, 12, 4).fill_(12);
  expect_as_on_the_host(family, type, recompute, batch, tolerance(type));
}

TEST_P(DeviceTest, GenerationGivesTheLogitsOfTheWholePass) {
  const auto [family, type, recompute] = GetParam();
  const spec::ModelConfig config = config_of(family);
  const MicroBatch batch = on_device(random_batch(config, 2, 7));
  Model device(config, {}, type, at::Device(at::kCUDA, 0));
  const at::Tensor logits = test::continued_logits(device.chunk, batch.tokens, {5, 1, 1}).back().to(at::kDouble);
  const at::Tensor wanted = device.chunk.logits(batch, {}).select(0, 6).to(at::kDouble);
  EXPECT_LE(norm_of(logits.sub(wanted)), tolerance(type) * norm_of(wanted));
}

INSTANTIATE_TEST_SUITE_P(Types, DeviceTest,
                         ::testing::Combine(::testing::Values("gpt2", "llama"),
                                            ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                                            ::testing::Values(Recompute::kNone, Recompute::kFull)));

}  // namespace
}  // namespace trireme::transformer
