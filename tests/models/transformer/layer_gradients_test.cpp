// What a layer hands to its GradientSink may wait: computed after the whole backward pass it gives the same bits.
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "models/transformer/layer.hpp"
#include "tests/models/transformer/model_fixture.hpp"

namespace trireme::transformer {
namespace {

using parallel::Block;

/// Computes nothing until asked.
class WaitingGradients final : public parallel::GradientSink {
 public:
  void weight(at::Tensor dy, at::Tensor x, Block& block) override {
    waiting_.emplace_back([dy, x, &block] { parallel::ImmediateGradients().weight(dy, x, block); });
  }
  void bias(at::Tensor dy, Block& block) override {
    waiting_.emplace_back([dy, &block] { parallel::ImmediateGradients().bias(dy, block); });
  }
  void compute() {
    for (const auto& one : waiting_) one();
  }
  std::size_t size() const { return waiting_.size(); }

 private:
  std::vector<std::function<void()>> waiting_;
};

class NoGradients final : public parallel::GradientSink {
 public:
  void weight(at::Tensor, at::Tensor, Block&) override {}
  void bias(at::Tensor, Block&) override {}
};

at::Tensor random(const std::string& name, std::initializer_list<std::int64_t> shape) {
  at::Tensor values = at::empty(shape, at::kDouble);
  base::fill_normal(3, name, 0, static_cast<std::uint64_t>(values.numel()), 1.0, values.mutable_data_ptr<double>());
  return values;
}

/// Without dropout a gradient of the residual stream is itself the operand of a product.
using Case = std::tuple<std::string, Recompute, double>;

/// The layers of a small model on one rank, without its ends; gradients start as NaN.
struct Layers {
  explicit Layers(const Case& one)
      : recompute(std::get<Recompute>(one)),
        model(config_of(one), {}),
        setting{model.plan, RotaryCache(at::kDouble, at::kCPU), 0, 1, 17} {
    for (std::int64_t i = 0; i < model.plan.layer_count(); ++i) {
      setting.rotary.prepare(model.plan.layers[static_cast<std::size_t>(i)].attention, model.plan.sequence);
      layers.emplace_back(setting, model.store, i);
    }
    for (const auto& parameter : model.store.parameters()) {
      at::Tensor grad = parameter.grad;
      grad.fill_(std::numeric_limits<double>::quiet_NaN());
    }
  }

  static spec::ModelConfig config_of(const Case& one) {
    spec::ModelConfig config = test::small_model(std::get<std::string>(one));
    config.dropout = std::get<double>(one);
    return config;
  }

  /// Returns the gradient of the first layer's input.
  at::Tensor run(std::int64_t micro_batch, parallel::GradientSink& gradients) const {
    const Pass pass{{}, {4 * micro_batch, 4 * micro_batch + 1}, 3, true};
    at::Tensor x = random("x" + std::to_string(micro_batch), {7, 2, model.plan.hidden});
    std::vector<LayerActivations> kept(layers.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = layers[i].forward(x, pass, kept[i]);
      Layer::drop(kept[i], recompute);
    }
    at::Tensor grad = random("grad" + std::to_string(micro_batch), {7, 2, model.plan.hidden});
    for (std::size_t i = layers.size(); i-- > 0;) grad = layers[i].backward(grad, pass, kept[i], gradients);
    return grad;
  }

  Recompute recompute;
  test::Model model;
  LayerSetting setting;
  std::vector<Layer> layers;
};

class LayerGradientsTest : public testing::TestWithParam<Case> {};

TEST_P(LayerGradientsTest, WaitingChangesNoBit) {
  const Layers at_once(GetParam());
  const Layers later(GetParam());
  parallel::ImmediateGradients immediate;
  WaitingGradients waiting;
  for (const std::int64_t micro_batch : {0, 1}) {
    const at::Tensor expected = at_once.run(micro_batch, immediate);
    EXPECT_TRUE(at::equal(later.run(micro_batch, waiting), expected));
  }
  const std::size_t blocks_of_a_linear = at_once.model.plan.layers[0].attention.qkv_bias ? 2 : 1;
  EXPECT_EQ(waiting.size(), 2 * at_once.layers.size() * 4 * blocks_of_a_linear);
  waiting.compute();
  const auto expected = at_once.model.gradients();
  for (const auto& [name, grad] : later.model.gradients()) {
    if (name.rfind("layers.", 0) != 0) continue;
    EXPECT_TRUE(at::equal(grad, expected.at(name))) << name;
  }
}

TEST_P(LayerGradientsTest, WithoutAnyWeightGradientTheInputsGradientIsTheSame) {
  const Layers with(GetParam());
  const Layers without(GetParam());
  parallel::ImmediateGradients immediate;
  NoGradients none;
  EXPECT_TRUE(at::equal(without.run(0, none), with.run(0, immediate)));
  for (const auto& [name, grad] : without.model.gradients()) {
    if (name.find("norm") != std::string::npos) continue;
    EXPECT_TRUE(grad.isnan().all().item<bool>()) << name;
  }
}

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const char* recompute[] = {"Kept", "Selective", "Full"};
  return std::get<std::string>(info.param) + recompute[static_cast<int>(std::get<Recompute>(info.param))] +
         (std::get<double>(info.param) > 0 ? "Dropout" : "");
}

INSTANTIATE_TEST_SUITE_P(Layers, LayerGradientsTest,
                         testing::Combine(testing::ValuesIn(spec::family_names()),
                                          testing::Values(Recompute::kNone, Recompute::kSelective, Recompute::kFull),
                                          testing::Values(0.0, 0.2)),
                         name_of_case);

}  // namespace
}  // namespace trireme::transformer
