// AdamW against PyTorch's own fused kernel, and what the optimizer does for every rule.
#include "models/optim/optimizer.hpp"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "models/kernels/cpu/adamw.hpp"
#include "models/optim/pieces.hpp"
#include "models/optim/sum_of_squares.hpp"

namespace trireme::optim {
namespace {

struct Peer {
  at::Tensor value, m, v;
};

std::vector<OptimizerGroup> one_group(const RuleOptions& options) { return {OptimizerGroup{{}, options}}; }

parallel::ParameterStore make_store(at::ScalarType values, at::ScalarType grads) {
  spec::LogicalTensor matrix;
  matrix.name = "matrix";
  matrix.shape = {13, 7};
  matrix.decay = true;
  spec::LogicalTensor vector;
  vector.name = "vector";
  vector.shape = {11};
  spec::LogicalTensor second = matrix;
  second.name = "second";
  return parallel::ParameterStore(
      layout::lay_out({{"matrix", {matrix}}, {"vector", {vector}}, {"second", {second}}}, 0, 1, 32, 128), values, grads,
      at::kCPU);
}

/// Five updates of ours and of PyTorch's kernel; the largest difference of any value relative to the largest value.
double difference_after_five_steps(at::ScalarType type, const std::vector<layout::FlatRange>& own) {
  parallel::ParameterStore store = make_store(type, type);
  Optimizer optimizer(store, one_group({}),
                      own.empty() ? std::vector<layout::FlatRange>{{0, store.flat_values().numel()}} : own);
  std::vector<Peer> peers;
  for (const parallel::Parameter& parameter : store.parameters()) {
    parameter.value.normal_();
    peers.push_back({parameter.value.clone(), at::zeros_like(parameter.value), at::zeros_like(parameter.value)});
  }
  double worst = 0.0;
  for (int step = 1; step <= 5; ++step) {
    const double factor = step == 3 ? 0.37 : 1.0;
    for (std::size_t index = 0; index < peers.size(); ++index) {
      const parallel::Parameter& parameter = store.parameters()[index];
      parameter.grad.normal_();
      const at::Tensor grad = parameter.grad.mul(factor);
      const at::Tensor count = at::full({}, step, at::kFloat);
      at::_fused_adamw_({peers[index].value}, {grad}, {peers[index].m}, {peers[index].v}, {}, {count}, 1e-2, 0.9, 0.95,
                        parameter.tensor.decay ? 0.1 : 0.0, 1e-8, false, false);
    }
    optimizer.update(1e-2, factor);
  }
  for (std::size_t index = 0; index < peers.size(); ++index) {
    const at::Tensor& value = store.parameters()[index].value;
    worst = std::max(worst, value.sub(peers[index].value).abs().max().item<double>() /
                                peers[index].value.abs().max().item<double>());
  }
  EXPECT_EQ(optimizer.steps(), 5);
  return worst;
}

TEST(Optimizer, FiveStepsEqualPyTorchInFp64) { EXPECT_LE(difference_after_five_steps(at::kDouble, {}), 1e-13); }

TEST(Optimizer, FiveStepsEqualPyTorchInFp32) { EXPECT_LE(difference_after_five_steps(at::kFloat, {}), 1e-6); }

TEST(Optimizer, RangesThatTogetherCoverTheStoreDoTheSame) {
  EXPECT_LE(difference_after_five_steps(at::kDouble, {{0, 32}, {32, 96}, {96, 256}}), 1e-13);
}

TEST(Pieces, AreShortOnADeviceAndWholeOnTheHost) {
  const std::vector<layout::FlatRange> ranges = {{5, 5}, {7, 16391}, {20000, 60000}};
  EXPECT_EQ(cut_for(at::kCPU, ranges), ranges);
  EXPECT_EQ(cut_for(at::kCUDA, ranges),
            (std::vector<layout::FlatRange>{{7, 16391}, {20000, 36384}, {36384, 52768}, {52768, 60000}}));
}

TEST(Optimizer, OtherRangesAreLeftAlone) {
  parallel::ParameterStore store = make_store(at::kDouble, at::kDouble);
  store.flat_values().fill_(1.0);
  store.flat_grads().fill_(1.0);
  Optimizer optimizer(store, one_group({}), {{32, 64}, {96, 128}});
  optimizer.update(0.1, 1.0);
  const at::Tensor changed = store.flat_values().ne(1.0);
  EXPECT_EQ(changed.sum().item<std::int64_t>(), 64);
  EXPECT_EQ(changed.narrow(0, 32, 32).sum().item<std::int64_t>(), 32);
}

TEST(PackedRanges, LieOneAfterAnother) {
  const layout::PackedRanges ranges({{32, 64}, {96, 128}});
  EXPECT_EQ(ranges.elements(), 64);
  EXPECT_EQ(ranges.packed(40), 8);
  EXPECT_EQ(ranges.packed(96), 32);
  EXPECT_FALSE(ranges.holds(70));
  EXPECT_FALSE(ranges.holds(31));
  EXPECT_FALSE(ranges.holds(128));
  EXPECT_THROW(ranges.packed(70), base::Error);
}

TEST(Optimizer, EveryRuleUpdatesAllElementsAndKeepsPaddingAtZero) {
  for (const RuleKind kind : {RuleKind::kAdamW, RuleKind::kMuon, RuleKind::kSgd, RuleKind::kLion}) {
    parallel::ParameterStore store = make_store(at::kDouble, at::kDouble);
    RuleOptions options;
    options.kind = kind;
    Optimizer optimizer(store, one_group(options), {{0, store.flat_values().numel()}});
    for (const parallel::Parameter& parameter : store.parameters()) {
      parameter.value.fill_(1.0);
      parameter.grad.normal_();
    }
    optimizer.update(0.1, 1.0);
    std::int64_t elements = 0;
    for (const parallel::Parameter& parameter : store.parameters()) {
      elements += parameter.value.numel();
      EXPECT_TRUE(parameter.value.ne(1.0).all().item<bool>()) << name_of(kind) << ": " << parameter.tensor.name;
    }
    EXPECT_EQ(store.flat_values().ne(0.0).sum().item<std::int64_t>(), elements) << name_of(kind);
  }
}

TEST(Optimizer, MuonTakesMatricesOfLayersAndAdamWTheRest) {
  parallel::ParameterStore store = make_store(at::kDouble, at::kDouble);
  RuleOptions options;
  options.kind = RuleKind::kMuon;
  const Optimizer optimizer(store, one_group(options), {{0, store.flat_values().numel()}});
  ASSERT_EQ(optimizer.parts().size(), 2U);
  const OptimizerPart &muon = optimizer.parts()[0], &rest = optimizer.parts()[1];
  EXPECT_EQ(muon.rule->slot_names(), std::vector<std::string>{"muon_momentum"});
  EXPECT_EQ(muon.ranges.elements(), 2 * 13 * 7);
  EXPECT_EQ(rest.rule->slot_names(), (std::vector<std::string>{"adam_m", "adam_v"}));
  EXPECT_EQ(rest.ranges.elements(), store.flat_values().numel() - 2 * 13 * 7);
}

TEST(Optimizer, Bf16ValuesAreRoundedFp32Masters) {
  parallel::ParameterStore store = make_store(at::kBFloat16, at::kFloat);
  Optimizer optimizer(store, one_group({}), {{0, store.flat_values().numel()}});
  ASSERT_TRUE(optimizer.has_masters());
  const at::Tensor masters = optimizer.parts().front().masters;
  masters.fill_(1.0);
  optimizer.publish_masters();
  EXPECT_EQ(store.flat_values().to(at::kFloat).eq(1.0).all().item<bool>(), true);
  store.flat_grads().fill_(1.0);
  for (int step = 0; step < 4; ++step) optimizer.update(1e-4, 1.0);  // each step is below bf16's resolution at 1
  const double master = masters.select(0, 0).item<double>();
  EXPECT_NEAR(master, 1.0 - 4e-4, 5e-5);
  EXPECT_TRUE(store.flat_values().equal(masters.to(at::kBFloat16)));
}

TEST(SumOfSquares, TakesOnlyTheRanges) {
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    const at::Tensor flat = at::rand({100}, type);
    const double expected = flat.narrow(0, 3, 10).to(at::kDouble).square().sum().item<double>() +
                            flat.narrow(0, 50, 41).to(at::kDouble).square().sum().item<double>();
    EXPECT_NEAR(SumOfSquares({{3, 13}, {20, 20}, {50, 91}}, at::kCPU).of(flat).item<double>(), expected,
                1e-14 * expected);
    EXPECT_EQ(SumOfSquares({}, at::kCPU).of(flat).item<double>(), 0.0);
  }
}

TEST(SumOfSquares, AddsOnTheHostWhatEachRangeHasInTheirOrder) {
  const at::Tensor flat = at::randn({100000}, at::kFloat);
  const float* data = flat.const_data_ptr<float>();
  const double expected =
      kernels::cpu::sum_of_squares(60001, data + 1) + kernels::cpu::sum_of_squares(20000, data + 70000);
  EXPECT_EQ(SumOfSquares({{1, 60002}, {70000, 90000}}, at::kCPU).of(flat).item<double>(), expected);
}

TEST(ClipFactor, ShrinksOnlyWhatIsAboveTheLimit) {
  EXPECT_DOUBLE_EQ(clip_factor(0.5, 1.0), 1.0);
  EXPECT_NEAR(clip_factor(4.0, 1.0), 0.25, 1e-6);
  EXPECT_DOUBLE_EQ(clip_factor(4.0, 0.0), 1.0);
}

}  // namespace
}  // namespace trireme::optim
