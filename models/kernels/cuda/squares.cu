// The gradient norm: one block at a time sums a piece, then one block sums the pieces. Everything is added in fp64 and
// in an order that depends on the pieces only.
#include "models/kernels/cuda/element.cuh"
#include "models/kernels/cuda/grid.cuh"

namespace trireme::kernels::cuda {
namespace {

template <typename T>
__global__ void squares_kernel(const T* data, std::int64_t pieces, const Piece* piece, double* sums) {
  for (std::int64_t p = blockIdx.x; p < pieces; p += gridDim.x) {
    const T* from = data + piece[p].offset;
    const std::int64_t length = piece[p].length;
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < length; i += kThreads) {
      const double x = static_cast<double>(load(from[i]));
      sum += x * x;
    }
    sum = over_block(sum, Sum{});
    if (threadIdx.x == 0) sums[p] = sum;
  }
}

__global__ void total_kernel(std::int64_t count, const double* terms, double* total) {
  double sum = 0.0;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) sum += terms[i];
  sum = over_block(sum, Sum{});
  if (threadIdx.x == 0) *total = sum;
}

}  // namespace

void sum_of_squares(Element element, const void* data, std::int64_t pieces, const Piece* piece, double* sums,
                    double* total, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    launch(squares_kernel<T>, blocks_for_pieces(pieces), stream, static_cast<const T*>(data), pieces, piece, sums);
  });
  launch(total_kernel, 1, stream, pieces, sums, total);
}

}  // namespace trireme::kernels::cuda
