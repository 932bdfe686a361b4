// The device kernels on raw memory. Each function queues one kernel on `stream` and returns; it computes what the
// function of that name in models/kernels/kernels.hpp does. table.cpp reports errors of a launch.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace trireme::kernels::cuda {

enum class Element { kFloat, kDouble, kBFloat16 };

void swiglu(Element element, std::int64_t rows, std::int64_t width, const void* gate_up, void* y, cudaStream_t stream);
void swiglu_backward(Element element, std::int64_t rows, std::int64_t width, const void* dy, const void* gate_up,
                     void* grad, cudaStream_t stream);
/// data has the shape (length, batch, stride). The tables are wide, (positions, half), and begin at the first position.
void rotate(Element element, std::int64_t length, std::int64_t batch, std::int64_t stride, std::int64_t heads,
            std::int64_t half, const void* cosine, const void* sine, bool inverse, void* data, cudaStream_t stream);
void softmax_statistics(Element element, std::int64_t rows, std::int64_t width, void* logits,
                        const std::int64_t* target, double* statistics, cudaStream_t stream);
void softmax_gradient(Element element, std::int64_t rows, std::int64_t width, void* e, const std::int64_t* target,
                      const double* factor, const double* at_target, cudaStream_t stream);

/// Some sequences of x (length, batch, width). The keys are part of the launch, so nothing is copied beforehand.
struct DropoutSlab {
  static constexpr std::int64_t kSequences = 256;
  std::int64_t length = 0;
  std::int64_t batch = 0;
  std::int64_t width = 0;
  std::int64_t first_position = 0;
  std::int64_t first_sequence = 0;
  std::int64_t sequences = 0;  ///< at most kSequences
  std::uint64_t keys[kSequences] = {};
  std::uint32_t site = 0;
  std::uint32_t layer = 0;
  std::uint32_t threshold = 0;
  double scale = 1.0;
};
/// Works in place on x.
void dropout(Element element, const DropoutSlab& slab, void* x, cudaStream_t stream);

}  // namespace trireme::kernels::cuda
