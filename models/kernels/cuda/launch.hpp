// The device kernels on raw memory. Each function queues its work on `stream` and returns; it computes what the
// function of that name in models/kernels/kernels.hpp does. An error of a launch is left for cudaGetLastError().
// Without elements nothing is queued. At most 2^31 - 1 rows.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "models/kernels/cpu/adamw.hpp"
#include "models/kernels/cpu/dropout.hpp"

namespace trireme::kernels::cuda {

enum class Element { kFloat, kDouble, kBFloat16 };

void swiglu(Element element, std::int64_t rows, std::int64_t width, const void* gate_up, void* y, cudaStream_t stream);
void swiglu_backward(Element element, std::int64_t rows, std::int64_t width, const void* dy, const void* gate_up,
                     void* grad, cudaStream_t stream);
/// data has the shape (length, batch, stride); of each head the first 2 * half elements are rotated. The tables are
/// wide, (positions, half), and begin at the first position.
void rotate(Element element, std::int64_t length, std::int64_t batch, std::int64_t stride, std::int64_t heads,
            std::int64_t head_size, std::int64_t half, const void* cosine, const void* sine, bool inverse, void* data,
            cudaStream_t stream);
/// width >= 1.
void softmax_statistics(Element element, std::int64_t rows, std::int64_t width, double scale, double soft_cap,
                        void* logits, const std::int64_t* target, double* statistics, cudaStream_t stream);
void softmax_gradient(Element element, std::int64_t rows, std::int64_t width, double scale, double soft_cap,
                      const double* statistics, const std::int64_t* target, const double* factor,
                      const double* at_target, void* logits, cudaStream_t stream);
/// Works in place on x (length, slab.batch, slab.width). The keys are read on the host, before the function returns.
void dropout(Element element, const cpu::DropoutSlab& slab, std::int64_t length, void* x, cudaStream_t stream);

/// Elements [offset, offset + length) of a flat buffer. A block of threads works on one piece at a time, so pieces
/// should be of some thousand elements.
struct Piece {
  std::int64_t offset;
  std::int64_t length;
};
/// *total = the sum of x² over the pieces, 0 without any, in fp64 and in an order that only the pieces decide. `sums`
/// has room for one number per piece. piece, sums and total lie on the device.
void sum_of_squares(Element element, const void* data, std::int64_t pieces, const Piece* piece, double* sums,
                    double* total, cudaStream_t stream);

/// `length` elements that begin at `flat` in the flat buffers and at `packed` in those of the optimizer's state.
struct UpdatePiece {
  std::int64_t flat;
  std::int64_t packed;
  std::int64_t length;
  std::int64_t decay;  ///< 1: with the step's weight decay; 0: without
};
/// cpu::adamw() on each piece, of kFloat or kDouble. grad is flat; m and v are packed. Without `rounded`
/// value is flat; with it value holds packed fp32 masters, whose bf16 roundings go to flat `rounded`. piece lies on the
/// device.
void adamw(Element element, const cpu::AdamWStep& step, std::int64_t pieces, const UpdatePiece* piece, void* value,
           const void* grad, void* m, void* v, void* rounded, cudaStream_t stream);

}  // namespace trireme::kernels::cuda
