// What this rank's processor or device can do at best, measured: the yardstick of "% of peak" in the log.
#pragma once

#include <ATen/core/Tensor.h>

namespace trireme::pipeline {

/// FLOP/s of a square matrix product in `type` on `device`, the best of a few runs of some ten milliseconds, with the
/// threads that LibTorch has now. Call it on all ranks of a node at once: they share memory and clocks.
double matmul_peak(at::Device device, at::ScalarType type);

}  // namespace trireme::pipeline
