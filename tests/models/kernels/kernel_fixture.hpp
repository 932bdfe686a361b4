// What the tests of the host kernels share: random tensors of the type under test, and how close results must be.
#pragma once

#include <ATen/Context.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>
#include <omp.h>

#include <string>
#include <utility>
#include <vector>

#include "models/kernels/kernels.hpp"
#include "tests/support/random.hpp"

namespace trireme::kernels {

inline double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

class KernelTest : public ::testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override { at::manual_seed(tests::seeded_random(29)()); }

  /// A random tensor of the type under test and the same values in fp64.
  static std::pair<at::Tensor, at::Tensor> random(at::IntArrayRef shape) {
    const at::Tensor x = at::randn(shape, at::kDouble).to(GetParam());
    return {x, x.to(at::kDouble).clone()};
  }
  static double tolerance() { return GetParam() == at::kDouble ? 1e-14 : GetParam() == at::kFloat ? 2e-6 : 8e-3; }
  static void expect_close(const at::Tensor& a, const at::Tensor& expected) {
    ASSERT_EQ(a.sizes(), expected.sizes());
    EXPECT_LE(largest(a.to(at::kDouble).sub(expected)), tolerance() * (1.0 + largest(expected)));
  }
};

inline std::string type_name(const testing::TestParamInfo<at::ScalarType>& info) { return c10::toString(info.param); }

/// The elements in fp64, in row-major order.
inline std::vector<double> values(const at::Tensor& x) {
  const at::Tensor wide = x.to(at::kDouble).contiguous();
  return {wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel()};
}

/// The unit roundoff of a type: half the distance from 1 to the next number.
inline double roundoff(at::ScalarType type) {
  return type == at::kDouble ? 0x1p-53 : type == at::kFloat ? 0x1p-24 : 0x1p-8;
}

/// Sets the number of OpenMP's threads while it lives.
class Threads {
 public:
  explicit Threads(int count) : before_(omp_get_max_threads()) { omp_set_num_threads(count); }
  ~Threads() { omp_set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace trireme::kernels
