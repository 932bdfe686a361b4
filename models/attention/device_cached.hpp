// Attention of new positions over cached ones by ATen's operations, sequence by sequence: for devices, and on any for
// tests.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "models/attention/attention.hpp"

namespace trireme::attention {

/// Works like cached().
at::Tensor device_cached(const at::Tensor& qkv_NC, const std::vector<CachedSequence>& sequences,
                         const Setting& setting);

}  // namespace trireme::attention
