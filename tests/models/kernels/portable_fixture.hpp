// What the tests of portable operations share: random tensors of the type under test, shapes, and how close the host's
// kernels must be.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "models/kernels/kernels.hpp"
#include "tests/support/random.hpp"

namespace trireme::kernels {

class PortableFixture : public testing::TestWithParam<at::ScalarType> {
 protected:
  void SetUp() override { seed_ = static_cast<unsigned>(tests::seeded_random(15)()); }

  at::Tensor random(at::IntArrayRef shape) { return random(shape, GetParam()); }
  at::Tensor random(at::IntArrayRef shape, at::ScalarType type) {
    std::mt19937 engine(seed_++);
    std::normal_distribution<double> normal;
    at::Tensor x = at::empty(shape, at::kDouble);
    for (std::int64_t i = 0; i < x.numel(); ++i) x.mutable_data_ptr<double>()[i] = normal(engine);
    return x.to(type);
  }
  at::Tensor wide_zeros(at::IntArrayRef shape) { return at::zeros(shape, wide_type(GetParam())); }

  /// How far two ways to compute one thing may be apart, relative to the largest value: in bf16 each may round once
  /// more than the other.
  static double tolerance() { return GetParam() == at::kDouble ? 1e-13 : GetParam() == at::kFloat ? 4e-6 : 1.6e-2; }
  static void expect_close(const at::Tensor& portable, const at::Tensor& host, double times = 1.0) {
    ASSERT_EQ(portable.sizes(), host.sizes());
    EXPECT_EQ(portable.scalar_type(), host.scalar_type());
    const at::Tensor expected = host.to(at::kDouble);
    EXPECT_LE(largest(portable.to(at::kDouble).sub(expected)), times * tolerance() * (1.0 + largest(expected)));
  }

  static double largest(const at::Tensor& x) { return x.numel() == 0 ? 0.0 : x.abs().max().item<double>(); }

  unsigned seed_ = 0;
};

struct Shape {
  std::int64_t rows;
  std::int64_t width;
};
inline const std::vector<Shape> kShapes{{1, 1}, {1, 67}, {7, 1}, {5, 64}, {33, 131}, {130, 48}};
inline const std::vector<Shape> kShapesAndNone{{0, 5}, {1, 1}, {1, 67}, {7, 1}, {5, 64}, {33, 131}, {130, 48}};

}  // namespace trireme::kernels
