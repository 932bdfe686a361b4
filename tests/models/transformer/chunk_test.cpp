#include "models/transformer/chunk.hpp"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
#include "tests/models/transformer/model_fixture.hpp"

namespace trireme::transformer {
namespace {

using trireme::test::Model;
using trireme::test::random_batch;
using trireme::test::sequences;
using trireme::test::small_model;

class ChunkTest : public ::testing::TestWithParam<std::string> {};

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

void expect_near(const std::string& name, const at::Tensor& a, const at::Tensor& b, double relative) {
  EXPECT_LE(largest(a.sub(b)), relative * largest(b)) << name;
}

TEST_P(ChunkTest, RecomputingGivesTheSameBits) {
  spec::ModelConfig config = small_model(GetParam());
  config.dropout = 0.2;
  const MicroBatch batch = random_batch(config, 3, 15);
  Model kept(config, {});
  const double loss = kept.step(batch);
  for (const Recompute mode : {Recompute::kSelective, Recompute::kFull}) {
    ChunkContext context;
    context.recompute = mode;
    Model again(config, context);
    EXPECT_EQ(again.step(batch), loss);
    const auto expected = kept.gradients();
    for (const auto& [name, grad] : again.gradients()) EXPECT_TRUE(at::equal(grad, expected.at(name))) << name;
  }
}

TEST_P(ChunkTest, GradientIsTheSlopeOfTheLossWithDropout) {
  spec::ModelConfig config = small_model(GetParam());
  config.dropout = 0.3;
  const MicroBatch batch = random_batch(config, 2, 9);
  Model model(config, {});
  model.step(batch);
  auto gradients = model.gradients();  // copies: forward adds to the head's
  for (auto& [name, grad] : gradients) grad = grad.clone();
  for (const auto& parameter : model.store.parameters()) {
    at::Tensor direction = at::empty(parameter.value.sizes(), at::kDouble);
    base::fill_normal(99, parameter.tensor.name, 0, static_cast<std::uint64_t>(direction.numel()), 1.0,
                      direction.mutable_data_ptr<double>());
    const double slope = direction.mul(gradients.at(parameter.tensor.name)).sum().item<double>();
    const double step = 1e-5;
    const at::Tensor before = parameter.value.clone();
    at::Tensor value = parameter.value;
    value.add_(direction, step);
    const double up = model.chunk.forward(batch, {}).loss_sum.item<double>();
    value.copy_(before).sub_(direction, step);
    const double down = model.chunk.forward(batch, {}).loss_sum.item<double>();
    value.copy_(before);
    EXPECT_NEAR((up - down) / (2 * step) * batch.loss_scale, slope, 1e-7 * std::max(1.0, std::abs(slope)))
        << parameter.tensor.name;
  }
}

/// The loss and gradients of a batch at once and as two micro-batches.
void expect_split_adds_up(const spec::ModelConfig& config, const MicroBatch& batch) {
  Model whole(config, {});
  Model split(config, {});
  const double loss = whole.step(batch);
  const double sum = split.step(sequences(batch, 0, 1)) + split.step(sequences(batch, 1, 3));
  EXPECT_NEAR(sum, loss, 1e-12 * loss);
  const auto expected = whole.gradients();
  double norm = 0.0;
  for (const auto& [name, grad] : expected) norm += grad.square().sum().item<double>();
  for (const auto& [name, grad] : split.gradients()) {
    EXPECT_LE(largest(grad.sub(expected.at(name))), 1e-11 * largest(expected.at(name)) + 1e-15 * std::sqrt(norm))
        << name;
  }
}

TEST_P(ChunkTest, SplittingIntoMicroBatchesChangesNothingBeyondRounding) {
  spec::ModelConfig config = small_model(GetParam());
  config.dropout = 0.2;
  expect_split_adds_up(config, random_batch(config, 4, 16));
}

// 64 MiB of fp64 logits are 64 tokens of this vocabulary: the batch takes three slices of the head, the parts one and
// two.
TEST_P(ChunkTest, SlicesOfTheHeadAddUp) {
  spec::ModelConfig config = small_model(GetParam());
  config.vocab = 65536;
  tests::set_hidden(config, 24);
  config.layers = 1;
  config.sequence = 50;
  expect_split_adds_up(config, random_batch(config, 4, 50));
}

TEST_P(ChunkTest, DropoutDependsOnStepAndSampleAndIsOffInEvaluation) {
  spec::ModelConfig config = small_model(GetParam());
  config.dropout = 0.2;
  MicroBatch batch = random_batch(config, 2, 16);
  Model model(config, {});
  const double loss = model.step(batch);
  EXPECT_EQ(model.step(batch), loss);
  batch.step += 1;
  EXPECT_NE(model.step(batch), loss);
  batch.step -= 1;
  batch.samples[1] += 1;
  EXPECT_NE(model.step(batch), loss);
  config.dropout = 0.0;
  Model without(config, {});
  EXPECT_EQ(model.chunk.evaluate(batch, {}).loss_sum.item<double>(), without.step(batch));
}

TEST_P(ChunkTest, TwoChunksAreTheWholeModel) {
  const spec::ModelConfig config = small_model(GetParam());
  const MicroBatch batch = random_batch(config, 2, 16);
  Model whole(config, {});
  const double loss = whole.step(batch);
  Model first(config, {0, 1, true, false}, {});
  Model second(config, {1, 1, false, true}, {});
  auto front = first.chunk.forward(batch, {});
  auto back = second.chunk.forward(batch, front.output_TBD);
  EXPECT_EQ(back.loss_sum.item<double>(), loss);
  std::vector<std::int64_t> order;
  const auto done = [&](std::int64_t layer) { order.push_back(layer); };
  const at::Tensor grad = second.chunk.backward(std::move(back.activations), {}, done);
  first.chunk.backward(std::move(front.activations), grad, done);
  EXPECT_EQ(order, (std::vector<std::int64_t>{2, 1, 0, -1}));
  auto expected = whole.gradients();
  auto here = second.gradients();
  for (auto& [name, part] : first.gradients()) {
    here[name] = here.count(name) != 0 ? here[name].add(part) : part;
  }
  ASSERT_EQ(here.size(), expected.size());
  for (const auto& [name, part] : here) expect_near(name, part, expected.at(name), 1e-13);
}

TEST_P(ChunkTest, CacheRefusesMoreTokensThanItHolds) {
  const spec::ModelConfig config = small_model(GetParam());
  Model model(config, {});
  const MicroBatch batch = random_batch(config, 1, 6);
  auto cache = model.chunk.make_cache(5);
  const std::vector<NewTokens> sequences{{cache.get(), 6}};
  EXPECT_THROW(model.chunk.infer(batch.tokens.select(0, 0), {}, sequences, true), base::Error);
  if (GetParam() == "gpt2") {
    EXPECT_THROW(model.chunk.make_cache(config.sequence + 1), base::InputError);
  } else {
    EXPECT_NO_THROW(model.chunk.make_cache(config.sequence + 1));
  }
}

INSTANTIATE_TEST_SUITE_P(BothTypes, ChunkTest, ::testing::Values("gpt2", "llama"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace trireme::transformer
