// This rank's share of the gradient norm.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/layout/flat_range.hpp"

namespace trireme::optim {

/// The sum of x² over fixed ranges of a flat fp32 or fp64 buffer.
class SumOfSquares {
 public:
  /// `device`: where the buffers lie.
  SumOfSquares(const std::vector<layout::FlatRange>& ranges, at::Device device);

  /// Returns the sum, an fp64 scalar where the buffer lies, always added in the same order whatever the number of
  /// threads. On a device it costs two kernels and room for one number per 16384 elements. Without ranges it is 0.
  at::Tensor of(const at::Tensor& flat) const;

 private:
  at::Tensor pieces_;  ///< (n, 2): offsets and lengths
};

}  // namespace trireme::optim
