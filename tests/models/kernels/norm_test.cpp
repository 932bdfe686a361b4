// RMSNorm and LayerNorm of host tensors against their formulas in fp64.
#include <ATen/ops/empty_like.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "models/kernels/cpu/isa.hpp"
#include "models/kernels/host.hpp"
#include "tests/models/kernels/kernel_fixture.hpp"

namespace trireme::kernels {
namespace {

using spec::NormKind;
using spec::NormSpec;
constexpr double kEps = 1e-5;

class NormTest : public KernelTest {
 protected:
  struct Reference {
    at::Tensor output, mean, rstd, input_grad, weight_grad, bias_grad;
  };

  /// Everything in fp64; `bias` may be undefined.
  static Reference reference(const NormSpec& spec, const at::Tensor& x, const at::Tensor& weight,
                             const at::Tensor& bias, const at::Tensor& dy) {
    const bool centred = spec.kind == NormKind::kLayer;
    Reference r;
    r.mean = centred ? x.mean(-1, true) : at::zeros({1}, at::kDouble);
    const at::Tensor shifted = x.sub(r.mean), factor = spec.unit_offset ? weight.add(1) : weight;
    r.rstd = shifted.square().mean(-1, true).add(spec.eps).rsqrt();
    const at::Tensor normal = shifted.mul(r.rstd), scaled = dy.mul(factor);
    r.output = normal.mul(factor);
    if (bias.defined()) r.output = r.output.add(bias);
    const at::Tensor along = normal.mul(scaled.mul(normal).mean(-1, true));
    r.input_grad = scaled.sub(along).mul(r.rstd);
    if (centred) r.input_grad = r.input_grad.sub(scaled.mean(-1, true).mul(r.rstd));
    r.weight_grad = dy.mul(normal).flatten(0, -2).sum(0);
    r.bias_grad = dy.flatten(0, -2).sum(0);
    return r;
  }

  static void check(const NormSpec& spec, std::int64_t width) {
    const auto [x, x64] = random({5, 3, width});
    const auto [w, w64] = random({width});
    const auto [b, b64] = random({width});
    const auto [dy, dy64] = random({5, 3, width});
    const at::Tensor bias = spec.bias ? b : at::Tensor();
    const Reference expected = reference(spec, x64, w64, spec.bias ? b64 : at::Tensor(), dy64);
    const NormForward forward = norm(x, w, bias, spec);
    expect_close(forward.output, expected.output);
    EXPECT_EQ(forward.rstd.scalar_type(), wide_type(GetParam()));
    const double relative =
        forward.rstd.to(at::kDouble).flatten().div(expected.rstd.flatten()).sub(1).abs().max().item<double>();
    EXPECT_LE(relative, 64 * roundoff(wide_type(GetParam()))) << "the statistics are wide";
    const NormBackward d = norm_backward(dy, x, forward, w, bias, spec);
    expect_close(d.input, expected.input_grad);
    expect_close(d.weight, expected.weight_grad);
    EXPECT_EQ(d.bias.defined(), spec.bias);
    if (spec.bias) expect_close(d.bias, expected.bias_grad);
  }
};

TEST_P(NormTest, RmsNormAndItsGradient) {
  for (const bool offset : {false, true}) {
    for (const std::int64_t width : {17, 64, 67}) check({NormKind::kRms, false, offset, kEps}, width);
  }
}

TEST_P(NormTest, LayerNormWithAndWithoutBias) {
  for (const bool offset : {false, true}) {
    for (const bool bias : {false, true}) {
      for (const std::int64_t width : {17, 64, 67}) check({NormKind::kLayer, bias, offset, kEps}, width);
    }
  }
}

/// 600 ones add up to 256 in bf16.
TEST_P(NormTest, GradientsOfWeightsAddUpInTheWideType) {
  const auto x = random({600, 16}).first;
  const at::Tensor weight = at::full({16}, 0.5, GetParam()), ones = at::full({600, 16}, 1.0, GetParam());
  const NormSpec spec{NormKind::kLayer, true, false, kEps};
  const NormBackward d = norm_backward(ones, x, norm(x, weight, weight, spec), weight, weight, spec);
  EXPECT_EQ(d.bias.scalar_type(), wide_type(GetParam()));
  EXPECT_EQ(largest(d.bias.sub(600)), 0.0);
}

/// bf16 has no number between 1 and 1 + 2^-7: if 1 + weight were rounded, results would be off by more than the
/// rounding of the result alone.
TEST_P(NormTest, OneIsAddedToTheWeightBeforeAnythingIsRounded) {
  const auto [x, x64] = random({4, 1021});
  const at::Tensor weight = at::full({1021}, 0x1p-8 + 0x1p-9, GetParam());
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer}) {
    const NormSpec spec{kind, false, true, kEps};
    const auto have = values(norm(x, weight, {}, spec).output);
    const auto exact = values(reference(spec, x64, weight.to(at::kDouble), {}, x64).output);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double half_a_step = std::ldexp(roundoff(GetParam()), std::ilogb(exact[i]));
      const double computed = 64 * roundoff(wide_type(GetParam())) * (1.0 + std::abs(exact[i]));
      ASSERT_LE(std::abs(have[i] - exact[i]), half_a_step + computed) << exact[i];
    }
  }
}

TEST_P(NormTest, EveryInstructionSetComputesTheSame) {
  constexpr std::int64_t kRows = 3, kWidth = 131;
  const auto [x, x64] = random({kRows, kWidth});
  const auto [w, w64] = random({kWidth});
  const auto [dy, dy64] = random({kRows, kWidth});
  const at::ScalarType wide = wide_type(GetParam());
  for (const cpu::IsaTable* table : cpu::isa_tables()) {
    for (const bool offset : {false, true}) {
      const Reference expected = reference({NormKind::kRms, false, offset, kEps}, x64, w64, {}, dy64);
      at::Tensor y = at::empty_like(x), dx = dy.clone(), rstd = at::zeros({kRows}, wide);
      at::Tensor weight_grad = at::zeros({kWidth}, wide);
      table->rms_forward(element_of(x), kRows, kWidth, x.const_data_ptr(), w.const_data_ptr(), offset, kEps,
                         y.mutable_data_ptr(), rstd.mutable_data_ptr());
      expect_close(y, expected.output);
      expect_close(rstd, expected.rstd.flatten());
      table->rms_backward(element_of(x), kRows, kWidth, dx.const_data_ptr(), x.const_data_ptr(), rstd.const_data_ptr(),
                          w.const_data_ptr(), offset, dx.mutable_data_ptr(), weight_grad.mutable_data_ptr());
      expect_close(dx, expected.input_grad);
      expect_close(weight_grad, expected.weight_grad);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, NormTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16), type_name);

}  // namespace
}  // namespace trireme::kernels
