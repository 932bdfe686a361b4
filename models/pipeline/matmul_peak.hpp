// What this rank's processor or device can do at best, measured: the yardstick of "% of peak" in the log.
#pragma once

#include <ATen/core/Tensor.h>

namespace trireme::pipeline {

struct MatmulTiming {
  double flops = 0.0;    ///< operations done
  double seconds = 0.0;  ///< in this wall time
};

/// A few square matrix products as the model makes them (parallel::linear) in `type` on `device` with the threads that
/// LibTorch has now, some ten milliseconds on a core. Call it on all ranks of a node at once: they share memory, clocks
/// and sometimes processors.
MatmulTiming time_matmul(at::Device device, at::ScalarType type);

}  // namespace trireme::pipeline
