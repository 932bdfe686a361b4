// The orthogonalisation of Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace trireme::optim {

/// Takes a matrix with the singular value decomposition U S V^T to about U V^T, by five Newton-Schulz iterations
///   X = (a I + b A + c A²) X,  A = X X^T,  a = 3.4445, b = -4.775, c = 2.0315,
/// from X divided by its Frobenius norm, or by 1e-7 where that is larger. They bring the singular values that are not
/// tiny into 0.7 to 1.2. All in the matrix's type; a tall matrix takes A = X^T X from the right, which is the same
/// polynomial with the smaller A.
class NewtonSchulz {
 public:
  static constexpr int kSteps = 5;

  /// Works in place on a contiguous matrix of fp32 or fp64, and keeps memory for the next one.
  void orthogonalise(at::Tensor& matrix);

  /// The multiplications and additions of its products, for balancing work over ranks.
  static double operations(std::int64_t rows, std::int64_t columns);

 private:
  at::Tensor scratch(at::Tensor& buffer, std::int64_t rows, std::int64_t columns, const at::Tensor& like);

  at::Tensor gram_;
  at::Tensor square_;
  at::Tensor other_;
};

}  // namespace trireme::optim
