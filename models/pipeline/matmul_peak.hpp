// Measures the best speed of this rank's processor or device: the basis of "% of peak" in the log.
#pragma once

#include <ATen/core/Tensor.h>

namespace trireme::pipeline {

struct MatmulTiming {
  double flops = 0.0;    ///< number of operations done
  double seconds = 0.0;  ///< wall time that they took
};

/// Times square matrix products of random values, made as the model makes them (parallel::linear_product), in `type` on
/// `device`, with the threads that LibTorch has now. On a CPU that is three products, some ten milliseconds on a core;
/// on a GPU as many as fill 50 ms, for its clock falls while it works, and more with random bits than with equal ones.
/// Call it on all ranks of a node at once, since they share memory, clocks and sometimes processors.
MatmulTiming time_matmul(at::Device device, at::ScalarType type);

}  // namespace trireme::pipeline
