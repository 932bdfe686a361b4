// Softmax and cross-entropy of host logits, plain, scaled and with a soft cap, against their formulas in fp64.
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <vector>

#include "models/kernels/cpu/isa.hpp"
#include "models/kernels/host.hpp"
#include "tests/models/kernels/kernel_fixture.hpp"

namespace trireme::kernels {
namespace {

class SoftmaxTest : public KernelTest {};

TEST_P(SoftmaxTest, CrossEntropyOverwritesLogitsByTheirGradient) {
  auto [logits, logits64] = random({7, 5003});
  at::Tensor target = at::randint(0, 5003, {7}, at::kLong);
  target[3].fill_(-1);
  const at::Tensor statistics = softmax_statistics(logits, target);
  const at::Tensor probabilities = logits64.softmax(1);
  for (std::int64_t row = 0; row < 7; ++row) {
    const double maximum = logits64[row].max().item<double>();
    const double sum = logits64[row].sub(maximum).exp().sum().item<double>();
    EXPECT_EQ(statistics[row][0].item<double>(), maximum);
    EXPECT_NEAR(statistics[row][1].item<double>(), sum, tolerance() * sum);
    const std::int64_t at = target[row].item<std::int64_t>();
    EXPECT_EQ(statistics[row][2].item<double>(), at < 0 ? 0.0 : logits64[row][at].item<double>());
  }
  const at::Tensor present = target.ge(0).to(at::kDouble);
  const at::Tensor factor = present.div(statistics.select(1, 1)).mul(0.5);
  softmax_gradient(logits, statistics, target, factor, present.mul(0.5));
  at::Tensor expected = probabilities.mul(0.5).mul(present.unsqueeze(1));
  for (std::int64_t row = 0; row < 7; ++row) {
    if (row != 3) expected[row][target[row].item<std::int64_t>()].sub_(0.5);
  }
  expect_close(logits, expected);
}

// One logit towers over the others: p = 0.9969, and the target's gradient p - 1 is small beside what bf16 rounds off p.
TEST_P(SoftmaxTest, TargetsThatAreNearlyCertainKeepTheirGradient) {
  constexpr std::int64_t kWidth = 64;
  at::Tensor logits = at::zeros({1, kWidth}, at::kDouble).to(GetParam());
  logits[0][5].fill_(9.9375);
  const at::Tensor target = at::full({1}, 5, at::kLong);
  const double p = std::exp(9.9375) / (std::exp(9.9375) + kWidth - 1);
  const at::Tensor statistics = softmax_statistics(logits, target);
  constexpr double kScale = 1e-3;
  const at::Tensor factor = at::full({1}, kScale, at::kDouble).div(statistics.select(1, 1));
  softmax_gradient(logits, statistics, target, factor, at::full({1}, kScale, at::kDouble));
  const double expected = kScale * (p - 1);
  const double relative = GetParam() == at::kDouble ? 1e-9 : 5e-3;
  EXPECT_NEAR(logits[0][5].item<double>(), expected, relative * -expected);
}

struct Row {
  std::vector<double> z, slope;  ///< slope = dz / dlogit
  double maximum = 0, sum = 0;
};
Row reference(const std::vector<double>& logits, const LogitScaling& scaling) {
  Row row;
  for (const double x : logits) {
    const double a = scaling.scale * x;
    const double e = std::exp(-2.0 * std::abs(a) / scaling.soft_cap);
    row.z.push_back(scaling.soft_cap == 0.0 ? a : scaling.soft_cap * std::tanh(a / scaling.soft_cap));
    row.slope.push_back(scaling.scale * (scaling.soft_cap == 0.0 ? 1.0 : 4.0 * e / ((1.0 + e) * (1.0 + e))));
  }
  row.maximum = *std::max_element(row.z.begin(), row.z.end());
  for (const double z : row.z) row.sum += std::exp(z - row.maximum);
  return row;
}

/// Each element's gradient is compared with its own size: 1 - tanh² is as small as 1e-6 here. In the wide type z is off
/// by some units of its largest value, and exp() and 1 - tanh² by as much, relatively; bf16 rounds once or, without a
/// cap, twice.
TEST_P(SoftmaxTest, ScaledAndCappedOnEveryInstructionSet) {
  constexpr std::int64_t kWidth = 203, kTarget = 17;
  const at::Tensor logits = at::randn({kWidth}, at::kDouble).mul_(4).to(GetParam());
  const double factor = 0.37, at_target = 0.8;
  for (const LogitScaling& scaling :
       {LogitScaling{}, LogitScaling{0.25, 0}, LogitScaling{1, 30}, LogitScaling{0.5, 1.5}}) {
    const Row row = reference(values(logits), scaling);
    double widest = 1.0;
    for (const double x : values(logits)) widest = std::max(widest, std::abs(scaling.scale * x));
    if (scaling.soft_cap != 0.0) widest = std::max(scaling.soft_cap, 2.0 * widest / scaling.soft_cap);
    const double wide = (32.0 + 8.0 * widest) * roundoff(wide_type(GetParam()));
    const double relative = wide + 2.1 * roundoff(GetParam());
    for (const cpu::IsaTable* table : cpu::isa_tables()) {
      at::Tensor data = logits.clone();
      double statistics[3];
      table->softmax_statistics(element_of(data), 1, kWidth, scaling.scale, scaling.soft_cap, data.mutable_data_ptr(),
                                &kTarget, statistics);
      EXPECT_NEAR(statistics[0], row.maximum, wide * std::abs(row.maximum)) << table->name;
      EXPECT_NEAR(statistics[1], row.sum, wide * row.sum) << table->name;
      EXPECT_NEAR(statistics[2], row.z[kTarget], wide * std::abs(row.z[kTarget])) << table->name;
      EXPECT_EQ(data.equal(logits), scaling.soft_cap != 0.0) << "only a cap leaves the logits";
      table->softmax_gradient(element_of(data), 1, kWidth, scaling.scale, scaling.soft_cap, statistics, &kTarget,
                              &factor, &at_target, data.mutable_data_ptr());
      const auto have = values(data);
      for (std::size_t i = 0; i < have.size(); ++i) {
        const double p = std::exp(row.z[i] - row.maximum) * factor, less = i == kTarget ? at_target : 0.0;
        ASSERT_NEAR(have[i], (p - less) * row.slope[i], relative * (p + less) * row.slope[i])
            << table->name << " cap " << scaling.soft_cap << " element " << i;
      }
    }
  }
}

TEST_P(SoftmaxTest, SmallLogitsKeepTheirPrecisionUnderACap) {
  at::Tensor logits = at::full({1, 1}, 1e-3, at::kDouble).to(GetParam());
  const double x = logits.item<double>(), exact = 50.0 * std::tanh(x / 50.0);
  const at::Tensor statistics = softmax_statistics(logits, at::zeros({1}, at::kLong), {1.0, 50.0});
  EXPECT_NEAR(statistics[0][2].item<double>(), exact, 4 * roundoff(wide_type(GetParam())) * exact);
}

TEST_P(SoftmaxTest, TheNumberOfThreadsChangesNothing) {
  const at::Tensor x = random({41, 1003}).first, target = at::randint(0, 1003, {41}, at::kLong);
  const at::Tensor factor = at::full({41}, 0.3, at::kDouble);
  for (const LogitScaling& scaling : {LogitScaling{}, LogitScaling{1, 30}}) {
    std::vector<at::Tensor> results;
    for (const int threads : {1, 3}) {
      const Threads number(threads);
      at::Tensor logits = x.clone();
      results.push_back(softmax_statistics(logits, target, scaling));
      softmax_gradient(logits, results.back(), target, factor, factor, scaling);
      results.push_back(logits);
    }
    EXPECT_TRUE(results[0].equal(results[2]));
    EXPECT_TRUE(results[1].equal(results[3]));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, SoftmaxTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16), type_name);

}  // namespace
}  // namespace trireme::kernels
