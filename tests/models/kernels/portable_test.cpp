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
#include "tests/models/kernels/portable_fixture.hpp"
#include "tests/support/random.hpp"

namespace trireme::kernels {
namespace {

using testing::ElementsAre;

class PortableTest : public PortableFixture {};

TEST_P(PortableTest, ActivationsAndTheirGradientsAreTheHosts) {
  for (const auto& [rows, width] : kShapesAndNone) {
    for (const bool gated : {false, true}) {
      const std::int64_t inner = gated ? 2 * width : width;
      const at::Tensor x = random({rows, inner}), dy = random({rows, width});
      for (const at::Tensor& bias : {random({inner}), at::Tensor()}) {
        for (const auto activation :
             {spec::Activation::kGelu, spec::Activation::kGeluTanh, spec::Activation::kSilu, spec::Activation::kRelu}) {
          const test::OperationCalls calls;
          at::Tensor here = x.clone(), there = x.clone();
          const at::Tensor y = portable::activate(here, bias, activation, gated);
          expect_close(y, activate(there, bias, activation, gated));
          expect_close(here, there);
          const at::Tensor d = portable::activate_backward(dy.clone(), there, activation, gated);
          expect_close(d, activate_backward(dy.clone(), there, activation, gated));
        }
      }
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
