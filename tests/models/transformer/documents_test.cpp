// Packed sequences against their documents alone, in fp64.
#include "models/transformer/documents.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
#include "models/transformer/layer.hpp"
#include "tests/models/transformer/model_fixture.hpp"
#include "tests/support/random.hpp"

namespace trireme::transformer {
namespace {

using trireme::test::Model;
using trireme::test::random_batch;

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

struct Case {
  std::string name;
  spec::ModelConfig config;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

/// A model for sequences of several blocks of the attention kernels.
spec::ModelConfig model(const std::string& family) {
  spec::ModelConfig config = test::small_model(family);
  config.sequence = 150;
  return config;
}

spec::ModelConfig gemma2() {
  spec::ModelConfig config = model("gemma");
  config.window = {40, 0};
  config.rope_theta = {100, 10000};
  config.attention_soft_cap = 2;
  config.head_soft_cap = 3;
  return config;
}

spec::ModelConfig stretched(spec::RopeScaling scaling) {
  spec::ModelConfig config = model("llama");
  config.rope_scaling = {scaling};
  config.rope_factor = 2;
  if (scaling != spec::RopeScaling::kLinear) config.rope_original_sequence = 64;
  config.rope_fraction = 0.5;
  return config;
}

std::vector<Case> cases() {
  return {{"gpt2", model("gpt2")},
          {"llama", model("llama")},
          {"qwen", model("qwen")},
          {"olmo2", model("olmo2")},
          {"gemma", gemma2()},
          {"bert", model("bert")},
          {"linear", stretched(spec::RopeScaling::kLinear)},
          {"llama3", stretched(spec::RopeScaling::kLlama3)},
          {"yarn", stretched(spec::RopeScaling::kYarn)}};
}

/// The tokens [first, first + count) of sequence b.
struct Document {
  std::int64_t b;
  std::int64_t first;
  std::int64_t count;
};

MicroBatch alone(const MicroBatch& packed, const Document& document) {
  MicroBatch batch = packed;
  const auto cut = [&](const at::Tensor& x) {
    return x.narrow(0, document.b, 1).narrow(1, document.first, document.count);
  };
  batch.tokens = cut(packed.tokens);
  batch.targets = cut(packed.targets);
  if (packed.types.defined()) batch.types = cut(packed.types);
  batch.starts.reset();
  batch.samples = {packed.samples[static_cast<std::size_t>(document.b)]};
  return batch;
}

class PackedTest : public testing::TestWithParam<Case> {
 protected:
  PackedTest() : batch_(random_batch(GetParam().config, 2, GetParam().config.sequence)) {
    std::mt19937 random = tests::seeded_random(41);
    const std::int64_t length = batch_.tokens.size(1);
    batch_.starts = at::empty({2, length}, at::kInt);
    for (std::int64_t b = 0; b < 2; ++b) {
      for (std::int64_t first = 0; first < length; first += documents_.back().count) {
        const auto count = std::min<std::int64_t>(length - first, 1 + static_cast<std::int64_t>(random() % 70));
        documents_.push_back({b, first, count});
        batch_.starts.select(0, b).narrow(0, first, count).fill_(first);
      }
    }
    if (GetParam().config.token_types > 0) batch_.types = batch_.tokens.remainder(2);
  }

  MicroBatch batch_;
  std::vector<Document> documents_;
};

TEST_P(PackedTest, LogitsAreThoseOfTheDocumentsAlone) {
  Model model(GetParam().config, {});
  const at::Tensor packed = model.chunk.logits(batch_, {});
  for (const Document& document : documents_) {
    const at::Tensor expected = model.chunk.logits(alone(batch_, document), {}).select(1, 0);
    const at::Tensor found = packed.select(1, document.b).narrow(0, document.first, document.count);
    EXPECT_LE(largest(found.sub(expected)), 1e-12 * largest(expected))
        << "document at " << document.first << " of sequence " << document.b;
  }
}

TEST_P(PackedTest, LossAndGradientsAreTheSumOverTheDocumentsAlone) {
  Model separate(GetParam().config, {});
  double loss = 0.0;
  for (const Document& document : documents_) loss += separate.step(alone(batch_, document));
  const auto expected = separate.gradients();
  double norm = 0.0;
  for (const auto& [name, grad] : expected) norm = std::hypot(norm, grad.norm().item<double>());
  for (const Recompute recompute : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
    ChunkContext context;
    context.recompute = recompute;
    Model packed(GetParam().config, context);
    EXPECT_NEAR(packed.step(batch_), loss, 1e-12 * loss);
    for (const auto& [name, grad] : packed.gradients()) {
      EXPECT_LE(largest(grad.sub(expected.at(name))), 1e-12 * largest(expected.at(name)) + 1e-15 * norm) << name;
    }
  }
}

TEST_P(PackedTest, OneDocumentIsAnOrdinarySequenceBitForBit) {
  Model model(GetParam().config, {});
  batch_.starts.zero_();
  MicroBatch ordinary = batch_;
  ordinary.starts.reset();
  EXPECT_TRUE(at::equal(model.chunk.logits(batch_, {}), model.chunk.logits(ordinary, {})));
}

TEST_P(PackedTest, TwoChunksAreTheWholeModel) {
  const spec::ModelConfig& config = GetParam().config;
  Model whole(config, {});
  Model first(config, {0, 1, true, false}, {});
  Model second(config, {1, 1, false, true}, {});
  const at::Tensor middle = first.chunk.evaluate(batch_, {}).output_TBD;
  EXPECT_TRUE(at::equal(second.chunk.logits(batch_, middle), whole.chunk.logits(batch_, {})));
}

INSTANTIATE_TEST_SUITE_P(Models, PackedTest, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

/// The first layer's rotated queries and keys, where every row is computed alike whatever the others are.
at::Tensor rotated(Model& model, const at::Tensor& x_TBD, const at::Tensor& starts) {
  LayerSetting setting{model.plan, RotaryCache(at::kDouble, at::kCPU)};
  setting.rotary.prepare(model.plan.layers[0].attention, model.plan.sequence);
  MicroBatch batch;
  batch.tokens = at::zeros({x_TBD.size(1), x_TBD.size(0)}, at::kLong);
  batch.starts = starts;
  const Pass pass{{}, {}, 0, false, true, documents_of(batch, setting.rotary)};
  LayerActivations kept;
  Layer(setting, model.store, 0).forward(x_TBD, pass, kept);
  return kept.qkv;
}

// Attention depends on distances: logits would show other rotary positions in their rounding only.
TEST(Documents, RotaryPositionsCountFromEachStart) {
  for (const spec::ModelConfig& config : {model("llama"), stretched(spec::RopeScaling::kYarn)}) {
    Model model(config, {});
    at::Tensor x = at::empty({9, 2, config.hidden}, at::kDouble);
    base::fill_normal(3, "x", 0, static_cast<std::uint64_t>(x.numel()), 1.0, x.mutable_data_ptr<double>());
    const at::Tensor starts = at::zeros({2, 9}, at::kInt);
    starts.select(0, 0).narrow(0, 4, 5).fill_(4);
    starts.select(0, 1).narrow(0, 7, 2).fill_(7);
    const at::Tensor packed = rotated(model, x, starts);
    for (const Document& document : {Document{0, 0, 4}, {0, 4, 5}, {1, 0, 7}, {1, 7, 2}}) {
      const auto rows = [&](const at::Tensor& all) {
        return all.narrow(1, document.b, 1).narrow(0, document.first, document.count);
      };
      EXPECT_TRUE(at::equal(rows(packed), rotated(model, rows(x).contiguous(), {}))) << document.first;
    }
    EXPECT_FALSE(at::equal(packed, rotated(model, x, {})));
  }
}

TEST(Documents, PositionsCountFromEachStart) {
  MicroBatch batch;
  batch.tokens = at::zeros({2, 5}, at::kLong);
  batch.starts = at::tensor({0, 0, 0, 3, 3, 0, 1, 1, 1, 4}, at::kInt).view({2, 5});
  const std::optional<Documents> documents = documents_of(batch, RotaryCache(at::kDouble, at::kCPU));
  ASSERT_TRUE(documents);
  const at::Tensor expected = at::tensor({0, 1, 2, 0, 1, 0, 0, 1, 2, 0}, at::kLong).view({2, 5}).t();
  EXPECT_TRUE(at::equal(documents->positions_TB, expected));
  batch.starts.reset();
  EXPECT_FALSE(documents_of(batch, RotaryCache(at::kDouble, at::kCPU)));
}

TEST(Documents, StartsThatAreNoneAreRefused) {
  MicroBatch batch;
  batch.tokens = at::zeros({1, 4}, at::kLong);
  const auto refused = [&](const at::Tensor& starts) {
    batch.starts = starts;
    EXPECT_THROW(documents_of(batch, RotaryCache(at::kDouble, at::kCPU)), base::Error) << starts;
  };
  refused(at::zeros({1, 4}, at::kLong));
  refused(at::zeros({1, 3}, at::kInt));
  refused(at::tensor({1, 1, 1, 1}, at::kInt).unsqueeze(0));
  refused(at::tensor({0, 0, 1, 1}, at::kInt).unsqueeze(0));
  refused(at::tensor({0, 0, 2, 0}, at::kInt).unsqueeze(0));
  refused(at::tensor({0, 0, 0, 4}, at::kInt).unsqueeze(0));
}

}  // namespace
}  // namespace trireme::transformer
