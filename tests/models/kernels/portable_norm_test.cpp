// The norms that device tensors take from ATen, on CPU tensors: against the host's kernels.
#include <gmock/gmock.h>

#include "models/kernels/portable.hpp"
#include "tests/models/device_operations.hpp"
#include "tests/models/kernels/portable_fixture.hpp"

namespace trireme::kernels {
namespace {

using spec::NormKind;
using spec::NormSpec;
using testing::ElementsAre;

class PortableNormTest : public PortableFixture {};

TEST_P(PortableNormTest, RmsNormAndItsGradientAreTheHosts) {
  for (const bool offset : {false, true}) {
    const NormSpec spec{NormKind::kRms, false, offset, 1e-5};
    for (const auto& [rows, width] : kShapes) {
      const at::Tensor x = random({rows, 1, width}), w = random({width}), dy = random({rows, 1, width});
      const test::OperationCalls calls;
      const NormForward portable = portable::norm(x, w, {}, spec);
      const NormForward host = norm(x, w, {}, spec);
      expect_close(portable.output, host.output);
      EXPECT_EQ(portable.rstd.scalar_type(), wide_type(GetParam()));
      expect_close(portable.rstd.flatten(), host.rstd);
      const NormBackward d = portable::norm_backward(dy, x, portable, w, {}, spec);
      const NormBackward expected = norm_backward(dy, x, host, w, {}, spec);
      expect_close(d.input, expected.input);
      expect_close(d.weight.to(expected.weight.scalar_type()), expected.weight);
      EXPECT_THAT(calls.names(), ElementsAre("aten::_fused_rms_norm", "aten::_fused_rms_norm_backward"));
    }
  }
}

/// The calls of portable::norm() are also checked with their meta registration, which the host's, of bf16 rows and fp32
/// weights, have none for.
TEST_P(PortableNormTest, LayerNormAndItsGradientAreTheHosts) {
  for (const bool offset : {false, true}) {
    for (const bool with_bias : {false, true}) {
      const NormSpec spec{NormKind::kLayer, with_bias, offset, 1e-5};
      for (const auto& [rows, width] : kShapes) {
        if (width == 1) continue;  // all of x is the mean: what remains of it is a rounding, differently here and there
        const at::Tensor x = random({rows, 1, width}), w = random({width}), dy = random({rows, 1, width});
        const at::Tensor b = with_bias ? random({width}) : at::Tensor();
        const NormForward host = norm(x, w, b, spec);
        const NormBackward expected = norm_backward(dy, x, host, w, b, spec);
        const test::OperationCalls calls;
        const NormForward portable = portable::norm(x, w, b, spec);
        const NormBackward d = portable::norm_backward(dy, x, portable, w, b, spec);
        EXPECT_THAT(calls.names(), ElementsAre("aten::native_layer_norm", "aten::native_layer_norm_backward"));
        expect_close(portable.output, host.output);
        expect_close(d.input, expected.input);
        expect_close(d.weight.to(expected.weight.scalar_type()), expected.weight, 2.0);
        EXPECT_EQ(d.bias.defined(), with_bias);
        if (with_bias) expect_close(d.bias.to(expected.bias.scalar_type()), expected.bias, 2.0);
      }
    }
  }
}

TEST_P(PortableNormTest, NormsOfQueriesAndKeysAreTheHosts) {
  for (const bool offset : {false, true}) {
    const NormSpec spec{NormKind::kRms, false, offset, 1e-6};
    for (const std::int64_t size : {4, 8, 33}) {
      const Columns columns{5, 3 * size}, owned{5 + size, size};
      const at::Tensor x = random({4, 3, 12 + 3 * size}), dy = random(x.sizes());
      const at::Tensor w = random({size}), wide_weight = random({3 * size});
      at::Tensor here = x.clone(), there = x.clone(), grad = dy.clone(), grad_there = dy.clone();
      const at::Tensor rstd = head_norm(x, columns, w, spec, there);
      expect_close(portable::head_norm(x, columns, w, spec, here), rstd);
      expect_close(here, there);
      expect_close(portable::head_norm_backward(grad, x, columns, rstd, w, spec),
                   head_norm_backward(grad_there, x, columns, rstd, w, spec));
      expect_close(grad, grad_there);

      const at::Tensor squares = row_squares(x, owned), dots = row_dots(dy, x, columns, wide_weight, spec);
      expect_close(portable::row_squares(x, owned), squares);
      expect_close(portable::row_dots(dy, x, columns, wide_weight, spec), dots);
      here = x.clone(), there = x.clone(), grad = dy.clone(), grad_there = dy.clone();
      const at::Tensor inverse = squares.add(1).rsqrt();
      portable::scale_rows(x, columns, inverse, wide_weight, spec, here);
      scale_rows(x, columns, inverse, wide_weight, spec, there);
      expect_close(here, there);
      expect_close(portable::scale_rows_backward(grad, x, columns, owned, inverse, dots, 40, wide_weight, spec),
                   scale_rows_backward(grad_there, x, columns, owned, inverse, dots, 40, wide_weight, spec));
      expect_close(grad, grad_there);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, PortableNormTest, testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return std::string(c10::toString(info.param)); });

}  // namespace
}  // namespace trireme::kernels
