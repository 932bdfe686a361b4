// Measures the best speed of this rank's processor or device: the basis of "% of peak" in the log.
#pragma once

#include <ATen/core/Tensor.h>

namespace trireme::pipeline {

struct MatmulTiming {
  double flops = 0.0;    ///< number of operations done
  double seconds = 0.0;  ///< wall time that they took
};

/// Times a few square matrix products made as the model makes them (parallel::linear) in `type` on `device`, with the
/// threads that LibTorch has now; takes some ten milliseconds on a core. Call it on all ranks of a node at once, since
/// they share memory, clocks and sometimes processors.
MatmulTiming time_matmul(at::Device device, at::ScalarType type);

}  // namespace trireme::pipeline
