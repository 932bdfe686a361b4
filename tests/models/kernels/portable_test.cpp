// The operations that device tensors take from ATen, on CPU tensors: against the host's kernels, for every element type
// and odd shapes.
#include "models/kernels/portable.hpp"

#include <ATen/ops/allclose.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "models/parallel/linear_products.hpp"
#include "tests/models/device_operations.hpp"
#include "tests/support/random.hpp"

namespace trireme::kernels {
namespace {

using testing::ElementsAre;

double largest(const at::Tensor& x) { return x.numel() == 0 ? 0.0 : x.abs().max().item<double>(); }

class PortableTest : public testing::TestWithParam<at::ScalarType> {
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

  unsigned seed_ = 0;
};

struct Shape {
  std::int64_t rows;
  std::int64_t width;
};
const std::vector<Shape> kShapes{{1, 1}, {1, 67}, {7, 1}, {5, 64}, {33, 131}, {130, 48}};
const std::vector<Shape> kShapesAndNone{{0, 5}, {1, 1}, {1, 67}, {7, 1}, {5, 64}, {33, 131}, {130, 48}};

TEST_P(PortableTest, RmsNormAndItsGradientAreTheHosts) {
  for (const auto& [rows, width] : kShapes) {
    const at::Tensor x = random({rows, 1, width}), w = random({width}), dy = random({rows, 1, width});
    const test::OperationCalls calls;
    const NormForward portable = portable::rms_norm(x, w, 1e-5);
    const NormForward host = norm(x, w, {}, 1e-5);
    expect_close(portable.output, host.output);
    EXPECT_EQ(portable.rstd.scalar_type(), wide_type(GetParam()));
    expect_close(portable.rstd.flatten(), host.rstd);
    const NormBackward d = portable::rms_norm_backward(dy, x, portable, w);
    const NormBackward expected = norm_backward(dy, x, host, w, {});
    expect_close(d.input, expected.input);
    expect_close(d.weight.to(expected.weight.scalar_type()), expected.weight);
    EXPECT_THAT(calls.names(), ElementsAre("aten::_fused_rms_norm", "aten::_fused_rms_norm_backward"));
  }
}

/// Both devices call the same operation; its meta registration is checked with these calls.
TEST_P(PortableTest, LayerNormKeepsItsStatisticsForBackward) {
  for (const auto& [rows, width] : kShapes) {
    const at::Tensor x = random({rows, 1, width}), w = random({width}), b = random({width});
    const test::OperationCalls calls;
    const NormForward forward = norm(x, w, b, 1e-5);
    const NormBackward d = norm_backward(random({rows, 1, width}), x, forward, w, b);
    EXPECT_EQ(d.input.sizes(), x.sizes());
    EXPECT_EQ(d.weight.sizes(), w.sizes());
    EXPECT_EQ(d.bias.sizes(), b.sizes());
    EXPECT_THAT(calls.names(), ElementsAre("aten::native_layer_norm", "aten::native_layer_norm_backward"));
  }
}

TEST_P(PortableTest, GeluAndItsGradientAreTheHosts) {
  for (const auto& [rows, width] : kShapesAndNone) {
    const at::Tensor x = random({rows, width}), dy = random({rows, width});
    for (const at::Tensor& bias : {random({width}), at::Tensor()}) {
      const test::OperationCalls calls;
      at::Tensor here = x.clone(), there = x.clone();
      const at::Tensor y = portable::gelu(here, bias);
      expect_close(y, gelu(there, bias));
      expect_close(here, there);
      at::Tensor d = dy.clone();
      const at::Tensor returned = portable::gelu_backward(d, here);
      expect_close(returned, gelu_backward(dy.clone(), there));
      expect_close(d, returned);  // overwritten
    }
  }
}

TEST_P(PortableTest, AdditionIsTheHosts) {
  for (const auto& [rows, width] : kShapesAndNone) {
    const at::Tensor y = random({rows, width}), some = random({rows, width}), bias = random({width});
    for (const at::Tensor& x : {some, at::Tensor()}) {
      for (const at::Tensor& b : {bias, at::Tensor()}) {
        at::Tensor here = y.clone(), there = y.clone();
        portable::add(here, x, b);
        add(there, x, b);
        expect_close(here, there);
      }
    }
  }
}

TEST_P(PortableTest, SumsAreTheHosts) {
  for (const auto& [rows, width] : kShapesAndNone) {
    const at::Tensor x = random({rows, 1, width});
    // What was there does not count when it is overwritten.
    at::Tensor here = at::full({width}, std::numeric_limits<double>::quiet_NaN(), wide_type(GetParam()));
    at::Tensor there = here.clone();
    for (const bool overwrite : {true, false}) {
      portable::column_sum(x, here, overwrite);
      column_sum(x, there, overwrite);
      expect_close(here, there);
    }
    at::Tensor sum = random({rows, 1, width}, wide_type(GetParam())), other = sum.clone();
    portable::accumulate(sum, x);
    accumulate(other, x);
    expect_close(sum, other);
  }
}

at::Tensor indices(const std::vector<std::int64_t>& values) {
  at::Tensor index = at::empty({std::ssize(values)}, at::kLong);
  std::copy(values.begin(), values.end(), index.mutable_data_ptr<std::int64_t>());
  return index;
}

TEST_P(PortableTest, RowsAddUpAsOnTheHostAndAbsentOnesCountNowhere) {
  const std::vector<std::vector<std::int64_t>> cases{
      {}, {-1}, {0}, {-1, -1, -1}, {2, 0, 2, -1, 2, 3}, {4, 4, 4, 4, 4}, {-1, 0, 4, 0, -1}};
  for (const auto& rows : cases) {
    for (const auto& [width, absent] : {std::pair{1, 1.0}, {33, 1.0}, {64, std::nan("")}}) {
      const std::int64_t count = std::ssize(rows);
      at::Tensor dy = random({count, 1, width});
      for (std::int64_t i = 0; i < count; ++i) {
        if (rows[static_cast<std::size_t>(i)] < 0) dy[i].fill_(absent);
      }
      const at::Tensor before = dy.clone();
      at::Tensor here = random({5, width}, wide_type(GetParam())), there = here.clone();
      const test::OperationCalls calls;
      portable::add_rows(here, indices(rows), dy);
      add_rows(there, indices(rows), dy);
      expect_close(here, there);
      EXPECT_TRUE(at::allclose(dy, before, 0.0, 0.0, /*equal_nan=*/true)) << "dy was changed";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, PortableTest, testing::Values(at::kDouble, at::kFloat, at::kBFloat16),
                         [](const auto& info) { return std::string(c10::toString(info.param)); });

class PortableProductTest : public PortableTest {};

/// The host rounds each product to bf16 before it adds; a device does not.
TEST_P(PortableProductTest, WeightGradientsAddUpInFp32) {
  for (const auto& [rows, width] : kShapes) {
    for (const std::int64_t out : {1, 3, 40}) {
      const at::Tensor x = random({rows, 1, width}), dy = random({rows, 1, out});
      const at::Tensor a = dy.flatten(0, -2).t(), b = x.flatten(0, -2);
      const test::OperationCalls calls;
      at::Tensor sums = at::full({out, width}, std::numeric_limits<double>::quiet_NaN(), at::kFloat);
      portable::add_product(sums, a, b, 0.0);
      parallel::Block block;
      block.grad = at::zeros({out, width}, at::kFloat);
      parallel::linear_weight_grad(dy, x, block);
      expect_close(sums, block.grad);
      portable::add_product(sums, a, b, 1.0);
      parallel::linear_weight_grad(dy, x, block);
      expect_close(sums, block.grad);
      const at::Tensor exact = a.to(at::kDouble).matmul(b.to(at::kDouble)).mul(2);
      EXPECT_LE(largest(sums.to(at::kDouble).sub(exact)), 1e-6 * (1.0 + largest(exact)));
      EXPECT_THAT(calls.names(), ElementsAre("aten::addmm.dtype_out", "aten::addmm.dtype_out"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, PortableProductTest, testing::Values(at::kBFloat16),
                         [](const auto& info) { return std::string(c10::toString(info.param)); });

}  // namespace
}  // namespace trireme::kernels
