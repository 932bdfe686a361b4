// The optimizers that device tensors take from ATen, on CPU tensors: against the host's kernels.
#include <ATen/ops/tensor.h>

#include "models/kernels/portable.hpp"
#include "tests/models/kernels/portable_fixture.hpp"

namespace trireme::kernels {
namespace {

/// Types of the values; gradients and momenta are wide.
class PortableUpdateTest : public PortableFixture {
 protected:
  /// Two buffers of 300 elements, of which [10, 250) is updated. With masters those and the momenta are packed.
  MomentumBuffers buffers() {
    const bool masters = GetParam() == at::kBFloat16;
    const at::ScalarType wide = wide_type(GetParam());
    MomentumBuffers made{random({masters ? 240 : 300}, wide), random({300}, wide), random({240}, wide), {}};
    if (masters) made.rounded = random({300});
    return made;
  }
  static MomentumBuffers copy(const MomentumBuffers& from) {
    return {from.value.clone(), from.grad, from.momentum.clone(),
            from.rounded.defined() ? from.rounded.clone() : at::Tensor()};
  }
  static void expect_same(const MomentumBuffers& here, const MomentumBuffers& there) {
    expect_close(here.value, there.value);
    expect_close(here.momentum, there.momentum);
    if (here.rounded.defined()) expect_close(here.rounded, there.rounded);
  }
  /// Two pieces that join, then one without weight decay, then one behind a hole.
  static at::Tensor pieces() {
    return at::tensor({10, 0, 60, 1, 70, 60, 40, 1, 110, 100, 50, 0, 200, 190, 50, 1}, at::kLong).view({4, 4});
  }
};

TEST_P(PortableUpdateTest, SgdIsTheHosts) {
  for (const bool nesterov : {false, true}) {
    for (const double decay : {0.0, 0.3}) {
      const MomentumBuffers here = buffers(), there = copy(here);
      for (int step = 0; step < 3; ++step) {
        portable::sgd({0.1, 0.9, nesterov, decay, 0.7}, pieces(), here);
        sgd({0.1, 0.9, nesterov, decay, 0.7}, pieces(), there);
      }
      expect_same(here, there);
    }
  }
}

TEST_P(PortableUpdateTest, LionIsTheHosts) {
  const MomentumBuffers here = buffers(), there = copy(here);
  for (int step = 0; step < 3; ++step) {
    portable::lion({0.1, 0.9, 0.99, 0.3, 0.7}, pieces(), here);
    lion({0.1, 0.9, 0.99, 0.3, 0.7}, pieces(), there);
  }
  expect_same(here, there);
}

INSTANTIATE_TEST_SUITE_P(Types, PortableUpdateTest, ::testing::Values(at::kDouble, at::kFloat, at::kBFloat16));

}  // namespace
}  // namespace trireme::kernels
