#include "models/optim/newton_schulz.hpp"

#include <ATen/ops/div.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <algorithm>
#include <utility>

#include "models/parallel/linear_products.hpp"

namespace trireme::optim {
namespace {

constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
constexpr double kLeastNorm = 1e-7;

}  // namespace

at::Tensor NewtonSchulz::scratch(at::Tensor& buffer, std::int64_t rows, std::int64_t columns, const at::Tensor& like) {
  const bool fits = buffer.defined() && buffer.scalar_type() == like.scalar_type() && buffer.numel() >= rows * columns;
  if (!fits) buffer = at::empty({rows * columns}, like.options());
  return buffer.narrow(0, 0, rows * columns).view({rows, columns});
}

void NewtonSchulz::orthogonalise(at::Tensor& matrix) {
  const std::int64_t rows = matrix.size(0), columns = matrix.size(1), least = std::min(rows, columns);
  const bool wide = rows <= columns;
  at::Tensor gram = scratch(gram_, least, least, matrix), square = scratch(square_, least, least, matrix);
  at::Tensor next = matrix, x = scratch(other_, rows, columns, matrix);
  at::div_out(x, matrix, at::linalg_vector_norm(matrix).clamp_min_(kLeastNorm));
  static_assert(kSteps % 2 == 1, "the last step writes into `matrix`, as the first one does");
  for (int step = 0; step < kSteps; ++step) {
    wide ? parallel::product_into(x, x.t(), gram) : parallel::product_into(x.t(), x, gram);
    parallel::product_into(gram, gram, square);
    square.mul_(kC).add_(gram, kB);
    square.diagonal().add_(kA);
    wide ? parallel::product_into(square, x, next) : parallel::product_into(x, square, next);
    std::swap(x, next);
  }
}

double NewtonSchulz::operations(std::int64_t rows, std::int64_t columns) {
  const auto least = static_cast<double>(std::min(rows, columns)), most = static_cast<double>(std::max(rows, columns));
  return kSteps * 2.0 * least * least * (2.0 * most + least);
}

}  // namespace trireme::optim
