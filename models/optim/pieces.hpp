// The pieces of flat buffers that models/kernels/kernels.hpp takes as tensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "models/layout/flat_range.hpp"

namespace trireme::optim {

/// The same elements in ranges that suit the kernels of a device: those on the host divide them themselves.
std::vector<layout::FlatRange> cut_for(at::Device device, const std::vector<layout::FlatRange>& ranges);

/// The numbers as an int64 tensor of rows of `columns` on the device.
at::Tensor rows_on(at::Device device, const std::vector<std::int64_t>& numbers, std::int64_t columns);

}  // namespace trireme::optim
