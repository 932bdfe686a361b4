// The head's loss and gradients, with and without a bias, a scale and a soft cap, over one to three parts of the
// vocabulary, against their formulas in fp64.
#include "models/parallel/head_loss.hpp"

#include <ATen/Context.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "models/parallel/tensor_comm.hpp"
#include "tests/support/mpi_main.hpp"
#include "tests/support/random.hpp"

namespace trireme::parallel {
namespace {

constexpr std::int64_t kLength = 7, kBatch = 2, kWidth = 5;
constexpr double kLossScale = 0.25;

double largest(const at::Tensor& x) { return x.numel() == 0 ? 0.0 : x.abs().max().item<double>(); }

/// The head multiplies some thousand rows of the weight at a time: a large vocabulary is several of such blocks on each
/// of three ranks. 64 MiB of logits exist at a time: a very large one makes two slices of the tokens on one rank.
struct Case {
  bool bias;
  kernels::LogitScaling scaling;
  std::int64_t vocabulary = 13;
};

class HeadLossTest : public ::testing::TestWithParam<Case> {
 protected:
  HeadLossTest() {
    at::manual_seed(tests::seeded_random(31)());  // every rank draws the same numbers
    x_ = at::randn({kLength, kBatch, kWidth}, at::kDouble);
    const std::int64_t vocabulary = GetParam().vocabulary;
    weight_ = at::randn({vocabulary, kWidth}, at::kDouble);
    bias_ = at::randn({vocabulary}, at::kDouble);
    targets_ = at::randint(0, vocabulary, {kLength, kBatch}, at::kLong);
  }

  at::Tensor x_, weight_, bias_, targets_;
  std::unique_ptr<collectives::Communicator> tp_ = test::world().communicator("tp");
};

TEST_P(HeadLossTest, AndItsGradientsFollowTheFormula) {
  const auto& [with_bias, scaling, vocabulary] = GetParam();
  targets_[2][1].fill_(-1);
  // This rank's part of the vocabulary; the last rank may have fewer rows.
  const std::int64_t each = (vocabulary + tp_->size() - 1) / tp_->size();
  const std::int64_t first = tp_->rank() * each, count = std::min(each, vocabulary - first);
  Block weight("weight", weight_.narrow(0, first, count).contiguous(), at::zeros({count, kWidth}, at::kDouble));
  Block bias("bias", bias_.narrow(0, first, count).contiguous(), at::zeros({count}, at::kDouble));
  const OutputHead head{weight, with_bias ? &bias : nullptr, scaling};
  HeadLoss loss = head_loss(x_, targets_, head, {vocabulary, first, count}, {tp_.get(), false}, kLossScale, true);

  at::Tensor raw = x_.matmul(weight_.t());
  if (with_bias) raw = raw.add(bias_);
  const double cap = scaling.soft_cap;
  const at::Tensor bent = cap == 0.0 ? raw.mul(scaling.scale) : raw.mul(scaling.scale / cap).tanh();
  const at::Tensor z = cap == 0.0 ? bent : bent.mul(cap);
  const at::Tensor slope = (cap == 0.0 ? at::ones_like(bent) : bent.square().neg().add(1)).mul(scaling.scale);
  EXPECT_LE(largest(head_logits(x_, head).sub(z.narrow(2, first, count))), 1e-13 * largest(z));
  const at::Tensor present = targets_.ge(0).unsqueeze(2);
  const at::Tensor hot = at::arange(vocabulary).eq(targets_.unsqueeze(2)).to(at::kDouble);
  const double expected = z.log_softmax(2).mul(hot).sum().neg().item<double>();
  EXPECT_NEAR(loss.loss_sum.item<double>(), expected, 1e-12 * expected);
  EXPECT_NEAR(
      head_loss(x_, targets_, head, {vocabulary, first, count}, {tp_.get(), false}, 1.0, false).loss_sum.item<double>(),
      expected, 1e-12 * expected);

  const HeadScores scores = head_scores(x_, targets_, head, {vocabulary, first, count}, {tp_.get(), false});
  const at::Tensor wanted_scores = z.log_softmax(2).mul(hot).sum(at::IntArrayRef{2});
  EXPECT_LE(largest(scores.log_probability_TB.sub(wanted_scores)), 1e-12 * expected);
  EXPECT_TRUE(at::equal(scores.greedy_TB, z.argmax(2).eq(targets_)));

  const at::Tensor d = z.softmax(2).mul(present).sub(hot).mul(slope).mul(kLossScale);
  all_reduce(*tp_, loss.input_grad);
  const at::Tensor dx = d.matmul(weight_), dw = d.flatten(0, 1).t().matmul(x_.flatten(0, 1));
  EXPECT_LE(largest(loss.input_grad.sub(dx)), 1e-12 * largest(dx));
  EXPECT_LE(largest(weight.grad.sub(dw.narrow(0, first, count))), 1e-12 * largest(dw));
  const at::Tensor db = d.sum(at::IntArrayRef{0, 1});
  const at::Tensor wanted = with_bias ? db.narrow(0, first, count) : at::zeros({count}, at::kDouble);
  EXPECT_LE(largest(bias.grad.sub(wanted)), 1e-12 * largest(db));
}

// Rows of the weight that are the same give the same logit, on whichever rank and in whichever block they lie.
TEST_P(HeadLossTest, OfEqualLogitsTheLowestIdIsGreedy) {
  const auto& [with_bias, scaling, vocabulary] = GetParam();
  const std::int64_t each = (vocabulary + tp_->size() - 1) / tp_->size();
  const std::int64_t first = tp_->rank() * each, count = std::min(each, vocabulary - first);
  // Whole numbers, so that their sums are the same in any order.
  x_ = at::arange(1, kWidth + 1, at::kDouble).expand({kLength, kBatch, kWidth}).contiguous();
  const std::int64_t low = vocabulary / 3, middle = low + 1, high = vocabulary - 1;
  for (const std::int64_t id : {low, middle, high}) {
    weight_[id].copy_(x_[0][0].mul(100.0));
    bias_[id].fill_(0.5);
  }
  targets_.fill_(high);
  targets_[0][0].fill_(low);
  targets_[1][0].fill_(middle);
  targets_[2][0].fill_(-1);
  Block weight("weight", weight_.narrow(0, first, count).contiguous(), {});
  Block bias("bias", bias_.narrow(0, first, count).contiguous(), {});
  const OutputHead head{weight, with_bias ? &bias : nullptr, scaling};
  const HeadScores scores = head_scores(x_, targets_, head, {vocabulary, first, count}, {tp_.get(), false});
  EXPECT_TRUE(at::equal(scores.greedy_TB, targets_.eq(low)));
  EXPECT_EQ(scores.log_probability_TB[2][0].item<double>(), 0.0);
}

INSTANTIATE_TEST_SUITE_P(Heads, HeadLossTest,
                         ::testing::Values(Case{false, {}}, Case{true, {}}, Case{false, {0.25, 0.0}},
                                           Case{true, {1.0, 3.0}}, Case{true, {0.5, 30.0}},
                                           Case{true, {0.5, 30.0}, 20000}, Case{false, {}, 20000},
                                           Case{true, {}, 650000}));

}  // namespace
}  // namespace trireme::parallel
