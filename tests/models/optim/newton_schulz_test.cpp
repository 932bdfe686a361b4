// Newton-Schulz against plain operations, and against what it is for.
#include "models/optim/newton_schulz.hpp"

#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace trireme::optim {
namespace {

/// The definition, on the matrix or its transpose, whichever is wide.
at::Tensor plain(const at::Tensor& matrix) {
  const bool tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = tall ? matrix.t().clone() : matrix.clone();
  x = x.div(x.norm().clamp_min(1e-7));
  for (int step = 0; step < 5; ++step) {
    const at::Tensor gram = at::matmul(x, x.t());
    const at::Tensor factor = gram.mul(-4.775).add(at::matmul(gram, gram), 2.0315);
    x = x.mul(3.4445).add(at::matmul(factor, x));
  }
  return tall ? x.t() : x;
}

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

TEST(NewtonSchulz, IsThePolynomialOfTheDefinitionForEveryShape) {
  NewtonSchulz newton_schulz;  // the same memory serves them all
  for (const auto& [rows, columns] : {std::pair{40, 24}, {24, 40}, {33, 33}, {1, 7}, {7, 1}, {64, 200}}) {
    for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
      const at::Tensor matrix = at::randn({rows, columns}, type);
      at::Tensor ours = matrix.clone();
      newton_schulz.orthogonalise(ours);
      const at::Tensor expected = plain(matrix);
      EXPECT_EQ(ours.scalar_type(), type);
      EXPECT_LE(largest(ours.sub(expected)), (type == at::kDouble ? 1e-12 : 1e-4) * largest(expected))
          << rows << " x " << columns;
    }
  }
}

TEST(NewtonSchulz, BringsSingularValuesNearOne) {
  NewtonSchulz newton_schulz;
  at::Tensor matrix = at::randn({48, 96}, at::kDouble).mul_(3.0);
  newton_schulz.orthogonalise(matrix);
  const at::Tensor values = at::linalg_svdvals(matrix);
  EXPECT_GE(values.min().item<double>(), 0.6);
  EXPECT_LE(values.max().item<double>(), 1.3);
}

TEST(NewtonSchulz, LeavesAMatrixOfZerosAsItIs) {
  NewtonSchulz newton_schulz;
  at::Tensor matrix = at::zeros({8, 5}, at::kFloat);
  newton_schulz.orthogonalise(matrix);
  EXPECT_EQ(largest(matrix), 0.0);
}

TEST(NewtonSchulz, CountsTheOperationsOfItsProducts) {
  // five times: the Gram matrix, its square, and the product with x
  EXPECT_EQ(NewtonSchulz::operations(3, 7), 5.0 * (2 * 3 * 3 * 7 + 2 * 3 * 3 * 3 + 2 * 3 * 3 * 7));
  EXPECT_EQ(NewtonSchulz::operations(7, 3), NewtonSchulz::operations(3, 7));
}

}  // namespace
}  // namespace trireme::optim
