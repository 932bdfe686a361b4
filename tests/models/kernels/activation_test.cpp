// Activation functions on every instruction set, against the C library's functions in fp64. The bounds are those of the
// arithmetic: every element may be off by some roundings of the type in which it is computed, and by one of its own.
#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linspace.h>

#include <cmath>
#include <limits>

#include "models/kernels/cpu/isa.hpp"
#include "models/kernels/host.hpp"
#include "tests/models/kernels/kernel_fixture.hpp"

namespace trireme::kernels {
namespace {

using spec::Activation;
constexpr Activation kActivations[] = {Activation::kGelu, Activation::kGeluTanh, Activation::kSilu, Activation::kRelu};

/// A function and its derivative at x. The derivative is a sum, and `terms` is the sum of its terms' magnitudes.
struct Expected {
  double value;
  double slope;
  double terms;
};

Expected expected(Activation activation, double x) {
  if (activation == Activation::kRelu) return {x > 0 ? x : 0.0, x > 0 ? 1.0 : 0.0, x > 0 ? 1.0 : 0.0};
  double below = 0, density = 0;  // value = x * below(x), density = below'
  if (activation == Activation::kGelu) {
    below = 0.5 * std::erfc(-x / std::sqrt(2.0));
    density = std::exp(-0.5 * x * x) / std::sqrt(2.0 * M_PI);
  } else {
    const double c = 2.0 * std::sqrt(2.0 / M_PI);
    const bool tanh = activation == Activation::kGeluTanh;
    const double u = tanh ? c * (x + 0.044715 * x * x * x) : x;  // 0.5 (1 + tanh(u / 2)) = 1 / (1 + e^-u)
    below = 1.0 / (1.0 + std::exp(-u));
    density = below / (1.0 + std::exp(u)) * (tanh ? c * (1.0 + 3.0 * 0.044715 * x * x) : 1.0);
  }
  return {x * below, below + x * density, below + std::abs(x * density)};
}

class ActivationTest : public KernelTest {
 protected:
  /// How far a result may lie from `value` where its terms have the magnitude `size`: exponents of up to about 8 x² are
  /// rounded.
  static double bound(double x, double size) {
    const double computed = (16.0 + 8.0 * x * x) * roundoff(wide_type(GetParam())) * size;
    const double smallest = GetParam() == at::kDouble ? 1e-300 : 1e-36;
    return computed + 1.01 * roundoff(GetParam()) * size + smallest;
  }
  /// Both tails, the neighbourhood of 0, and zero itself, in an odd number.
  static at::Tensor arguments() {
    const at::Tensor wide = at::linspace(-9.0, 9.0, 301, at::kDouble);
    return at::cat({wide, at::linspace(-1e-3, 1e-3, 50, at::kDouble)}).to(GetParam());
  }
};

TEST_P(ActivationTest, EachIsAccurateInBothTailsOnEveryInstructionSet) {
  at::Tensor x = arguments();
  const std::int64_t width = x.numel();
  const auto dy = random({width}).first;
  at::Tensor y = at::empty_like(x), dx = at::empty_like(x);
  for (const cpu::IsaTable* table : cpu::isa_tables()) {
    for (const Activation activation : kActivations) {
      table->activate(element_of(x), activation, false, 1, width, x.mutable_data_ptr(), nullptr, y.mutable_data_ptr());
      table->activate_backward(element_of(x), activation, false, 1, width, dy.const_data_ptr(), x.const_data_ptr(),
                               dx.mutable_data_ptr());
      const auto at = values(x), d = values(dy), have = values(y), gradient = values(dx);
      for (std::size_t i = 0; i < at.size(); ++i) {
        const Expected e = expected(activation, at[i]);
        ASSERT_NEAR(have[i], e.value, bound(at[i], std::abs(e.value))) << table->name << " at " << at[i];
        ASSERT_NEAR(gradient[i], d[i] * e.slope, bound(at[i], std::abs(d[i]) * e.terms))
            << table->name << " at " << at[i];
      }
    }
  }
}

TEST_P(ActivationTest, TheBiasIsAddedInPlaceAndAGateScalesUp) {
  constexpr std::int64_t kRows = 3, kWidth = 37;
  for (const bool gated : {false, true}) {
    const std::int64_t inner = gated ? 2 * kWidth : kWidth;
    const auto [x, x64] = random({kRows, inner});
    const auto dy = random({kRows, kWidth}).first;
    for (const at::Tensor& bias : {random({inner}).first, at::Tensor()}) {
      at::Tensor sum = x64;
      if (bias.defined()) sum = x64.add(bias.to(at::kDouble)).to(GetParam()).to(at::kDouble);
      for (const Activation activation : kActivations) {
        at::Tensor h = x.clone();
        const at::Tensor y = activate(h, bias, activation, gated);
        expect_close(h, sum);
        const at::Tensor dh = activate_backward(dy.clone(), h, activation, gated);
        ASSERT_EQ(dh.sizes(), h.sizes());
        const auto gate = values(h.narrow(1, 0, kWidth)), up = values(h.narrow(1, inner - kWidth, kWidth));
        const auto d = values(dy), have = values(y), gate_grad = values(dh.narrow(1, 0, kWidth));
        const auto up_grad = values(dh.narrow(1, inner - kWidth, kWidth));
        for (std::size_t i = 0; i < gate.size(); ++i) {
          const Expected e = expected(activation, gate[i]);
          const double factor = gated ? up[i] : 1.0;
          ASSERT_NEAR(have[i], factor * e.value, bound(gate[i], std::abs(factor * e.value)));
          ASSERT_NEAR(gate_grad[i], d[i] * factor * e.slope, bound(gate[i], std::abs(d[i] * factor) * e.terms));
          if (!gated) continue;
          ASSERT_NEAR(up_grad[i], d[i] * e.value, bound(gate[i], std::abs(d[i] * e.value)));
        }
      }
    }
  }
}

TEST_P(ActivationTest, FarOutTheyAreFiniteAndANaNStays) {
  const at::Tensor far = at::full({1, 4}, 1e4, at::kDouble).to(GetParam());
  const at::Tensor ones = far.div(far), nan = at::full({1, 4}, std::numeric_limits<double>::quiet_NaN(), GetParam());
  for (const Activation activation : kActivations) {
    at::Tensor right = far.clone(), left = far.neg(), none = nan.clone();
    EXPECT_EQ(largest(activate(right, {}, activation, false).sub(far)), 0.0);
    EXPECT_LE(largest(activate(left, {}, activation, false)), 1e-30);
    EXPECT_EQ(largest(activate_backward(ones.clone(), right, activation, false).sub(ones)), 0.0);
    EXPECT_LE(largest(activate_backward(ones.clone(), left, activation, false)), 1e-20);
    EXPECT_TRUE(activate_backward(ones.narrow(1, 0, 2), left, activation, true).isfinite().all().item<bool>());
    EXPECT_TRUE(activate(none, {}, activation, false).isnan().all().item<bool>());
  }
}

TEST_P(ActivationTest, TheNumberOfThreadsChangesNothing) {
  const at::Tensor x = random({97, 2 * 211}).first, dy = random({97, 211}).first;
  for (const Activation activation : kActivations) {
    at::Tensor h = x.clone(), other = x.clone(), y, grad;
    {
      const Threads one(1);
      y = activate(h, {}, activation, true);
      grad = activate_backward(dy, h, activation, true);
    }
    const Threads three(3);
    EXPECT_TRUE(activate(other, {}, activation, true).equal(y));
    EXPECT_TRUE(activate_backward(dy, h, activation, true).equal(grad));
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ActivationTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16), type_name);

}  // namespace
}  // namespace trireme::kernels
