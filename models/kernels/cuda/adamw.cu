// AdamW over pieces of the flat buffers; the formula stands in models/kernels/cpu/adamw.hpp.
#include "models/kernels/cuda/element.cuh"
#include "models/kernels/cuda/grid.cuh"

namespace trireme::kernels::cuda {
namespace {

/// The step's numbers in the type of the arithmetic, derived in fp64 as on the host.
template <typename T>
struct Constants {
  explicit Constants(const cpu::AdamWStep& step)
      : decay(static_cast<T>(1.0 - step.lr * step.weight_decay)),
        beta1(static_cast<T>(step.beta1)),
        rest1(static_cast<T>(1.0 - step.beta1)),
        beta2(static_cast<T>(step.beta2)),
        rest2(static_cast<T>(1.0 - step.beta2)),
        rate(static_cast<T>(step.lr / step.correction1)),
        root2(static_cast<T>(1.0 / sqrt(step.correction2))),
        eps(static_cast<T>(step.eps)),
        scale(static_cast<T>(step.gradient_scale)) {}
  T decay, beta1, rest1, beta2, rest2, rate, root2, eps, scale;
};

template <typename T>
__global__ void adamw_kernel(const __grid_constant__ Constants<T> c, std::int64_t pieces, const UpdatePiece* piece,
                             T* __restrict__ value, const T* __restrict__ grad, T* __restrict__ first,
                             T* __restrict__ second, __nv_bfloat16* __restrict__ rounded) {
  for (std::int64_t p = blockIdx.x; p < pieces; p += gridDim.x) {
    const UpdatePiece here = piece[p];
    const T decay = here.decay != 0 ? c.decay : T{1};
    T* const values = value + (rounded == nullptr ? here.flat : here.packed);
    for (std::int64_t i = threadIdx.x; i < here.length; i += kThreads) {
      const T g = grad[here.flat + i] * c.scale;
      const T m = c.beta1 * first[here.packed + i] + c.rest1 * g;
      const T v = c.beta2 * second[here.packed + i] + c.rest2 * (g * g);
      const T updated = values[i] * decay - c.rate * (m / (sqrt(v) * c.root2 + c.eps));
      first[here.packed + i] = m;
      second[here.packed + i] = v;
      values[i] = updated;
      if (rounded != nullptr) store(rounded + here.flat + i, static_cast<float>(updated));
    }
  }
}

template <typename T>
void queue(const cpu::AdamWStep& step, std::int64_t pieces, const UpdatePiece* piece, void* value, const void* grad,
           void* m, void* v, void* rounded, cudaStream_t stream) {
  launch(adamw_kernel<T>, blocks_for_pieces(pieces), stream, Constants<T>(step), pieces, piece, static_cast<T*>(value),
         static_cast<const T*>(grad), static_cast<T*>(m), static_cast<T*>(v), static_cast<__nv_bfloat16*>(rounded));
}

}  // namespace

void adamw(Element element, const cpu::AdamWStep& step, std::int64_t pieces, const UpdatePiece* piece, void* value,
           const void* grad, void* m, void* v, void* rounded, cudaStream_t stream) {
  (element == Element::kDouble ? queue<double> : queue<float>)(step, pieces, piece, value, grad, m, v, rounded, stream);
}

}  // namespace trireme::kernels::cuda
