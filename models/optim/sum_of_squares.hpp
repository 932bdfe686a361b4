// This rank's share of the gradient norm.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/layout/flat_range.hpp"

namespace trireme::optim {

/// Returns the sum of x² over the ranges of a flat fp32 or fp64 buffer, in fp64, always added in the same order
/// whatever the number of threads.
double sum_of_squares(const at::Tensor& flat, const std::vector<layout::FlatRange>& ranges);

}  // namespace trireme::optim
