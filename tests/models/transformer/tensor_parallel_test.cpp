// Tensor parallel ranks against one rank, in fp64, to the tolerances of docs/numerics.md.
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.hpp"
#include "models/parallel/tensor_comm.hpp"
#include "tests/models/transformer/continued.hpp"
#include "tests/models/transformer/model_fixture.hpp"
#include "tests/support/mpi_main.hpp"

namespace trireme::transformer {
namespace {

using trireme::test::Model;
using trireme::test::random_batch;
using trireme::test::small_model;

struct Case {
  std::string name;
  spec::ModelConfig config;
  bool sequence_parallel = true;
  Recompute recompute = Recompute::kNone;
};

double largest(const at::Tensor& x) { return x.numel() == 0 ? 0.0 : x.abs().max().item<double>(); }

/// The whole logical gradient from all ranks' parts: split, shared and partial ones add up; that of any other
/// replicated tensor is already whole on every rank.
at::Tensor whole_gradient(const parallel::Parameter& parameter, bool sequence_parallel, collectives::Communicator& tp) {
  const spec::Partial partial = parameter.tensor.partial;
  const bool adds_up = partial == spec::Partial::kAlways || (partial == spec::Partial::kSequence && sequence_parallel);
  if (parameter.tensor.split == spec::Split::kReplicated && !adds_up) return parameter.grad;
  at::Tensor whole = at::zeros(parameter.tensor.shape, at::kDouble);
  trireme::test::part(whole, parameter.box).copy_(parameter.grad);
  parallel::all_reduce(tp, whole);
  return whole;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const std::string family : {"gpt2", "llama"}) {
    for (const bool sequence : {false, true}) {
      for (const Recompute mode : {Recompute::kNone, Recompute::kSelective, Recompute::kFull}) {
        Case one{"", small_model(family), sequence, mode};
        one.config.dropout = mode == Recompute::kSelective ? 0.0 : 0.2;
        one.name = family + (sequence ? " sequence" : "") + " recompute " + std::to_string(static_cast<int>(mode));
        all.push_back(one);
      }
    }
  }
  for (const std::int64_t kv_heads : {1, 2, 3, 6, 12}) {
    Case one{"kv heads " + std::to_string(kv_heads), small_model("llama")};
    one.config.kv_heads = kv_heads;
    one.config.tie_embeddings = kv_heads % 2 == 0;
    all.push_back(one);
  }
  for (const bool sequence : {false, true}) {
    Case types{sequence ? "types sequence" : "types", small_model("gpt2"), sequence};
    types.config.token_types = 3;
    types.config.pooler = true;
    all.push_back(types);
  }
  Case tiny{"vocabulary smaller than tp", small_model("llama")};
  tiny.config.vocab = 3;
  all.push_back(tiny);
  tiny.name = "vocabulary smaller than tp, tied";
  tiny.config.tie_embeddings = true;
  tiny.sequence_parallel = false;
  all.push_back(tiny);
  return all;
}

class TensorParallelTest : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<collectives::Communicator> tp_ = trireme::test::world().communicator("tp");
};

TEST_P(TensorParallelTest, LossAndGradientsAreThoseOfOneRank) {
  const Case& param = GetParam();
  MicroBatch batch = random_batch(param.config, 3, 16);
  if (param.config.token_types > 0) batch.types = batch.tokens.remainder(param.config.token_types);
  Model one(param.config, {});
  Model share(param.config, {tp_.get(), param.sequence_parallel, param.recompute});
  const double loss = one.step(batch);
  EXPECT_NEAR(share.step(batch), loss, 1e-12 * loss);
  const auto expected = one.gradients();
  double norm = 0.0;
  for (const auto& [name, grad] : expected) norm += grad.square().sum().item<double>();
  for (const auto& parameter : share.store.parameters()) {
    const at::Tensor grad = whole_gradient(parameter, param.sequence_parallel, *tp_);
    const at::Tensor& wanted = expected.at(parameter.tensor.name);
    EXPECT_LE(largest(grad.sub(wanted)), 1e-11 * largest(wanted) + 1e-15 * std::sqrt(norm)) << parameter.tensor.name;
  }
}

TEST_P(TensorParallelTest, EvaluationTakesLengthsThatTpDoesNotDivide) {
  const Case& param = GetParam();
  const MicroBatch batch = random_batch(param.config, 2, 13);
  Model one(param.config, {});
  Model share(param.config, {tp_.get(), param.sequence_parallel, param.recompute});
  const double loss = one.chunk.evaluate(batch, {}).loss_sum.item<double>();
  EXPECT_NEAR(share.chunk.evaluate(batch, {}).loss_sum.item<double>(), loss, 1e-12 * loss);
}

TEST_P(TensorParallelTest, GenerationSeesCompleteLogitsOnEveryRank) {
  const Case& param = GetParam();
  const MicroBatch batch = random_batch(param.config, 2, 7);
  Model one(param.config, {});
  Model share(param.config, {tp_.get(), param.sequence_parallel, param.recompute});
  const at::Tensor logits = test::continued_logits(share.chunk, batch.tokens, {4, 2, 1}).back();
  const at::Tensor wanted = one.chunk.logits(batch, {}).select(0, 6);
  ASSERT_EQ(logits.sizes(), wanted.sizes());
  EXPECT_LE(largest(logits.sub(wanted)), 1e-11 * largest(wanted));
}

TEST_P(TensorParallelTest, HiddenStatesAndPoolerAreThoseOfOneRank) {
  const Case& param = GetParam();
  const MicroBatch batch = random_batch(param.config, 2, 16);
  Model one(param.config, {});
  Model share(param.config, {tp_.get(), param.sequence_parallel, param.recompute});
  const at::Tensor wanted = one.chunk.hidden(batch, {});
  const at::Tensor hidden = share.chunk.hidden(batch, {});
  EXPECT_LE(largest(hidden.sub(wanted)), 1e-11 * largest(wanted));
  if (!param.config.pooler) {
    EXPECT_THROW(share.chunk.pooled(hidden.select(0, 0)), base::InputError);
    return;
  }
  const at::Tensor pooled = share.chunk.pooled(hidden.select(0, 0));
  EXPECT_LE(largest(pooled.sub(one.chunk.pooled(wanted.select(0, 0)))), 1e-11);
}

INSTANTIATE_TEST_SUITE_P(Layouts, TensorParallelTest, ::testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = info.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
});

}  // namespace
}  // namespace trireme::transformer
