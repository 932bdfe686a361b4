// A hash of a tensor's bits, to compare what replicas hold.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace trireme::parallel {

/// `tensor` is contiguous, of a floating type of 2, 4 or 8 bytes. On a CPU XXH3-64 of its bytes. On a device the sum of
/// its elements' bits as integers, modulo 2^64: one pass without a copy, which changes with any single bit. Compare
/// hashes of the same kind of device only.
std::uint64_t hash_of_bits(const at::Tensor& tensor);

}  // namespace trireme::parallel
