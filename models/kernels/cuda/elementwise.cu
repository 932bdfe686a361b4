// SwiGLU and rotary positions; the formulas stand in models/kernels/cpu/isa.
#include "models/kernels/cuda/element.cuh"
#include "models/kernels/cuda/grid.cuh"

namespace trireme::kernels::cuda {
namespace {

template <typename W>
__device__ W sigmoid(W x) {
  return W{1} / (W{1} + exp(-x));
}

template <typename T>
__global__ void swiglu_kernel(std::int64_t rows, std::int64_t width, const T* gate_up, T* y) {
  for (std::int64_t i = first_index(); i < rows * width; i += index_stride()) {
    const std::int64_t at = i / width * 2 * width + i % width;
    const auto gate = load(gate_up[at]);
    store(y + i, gate * sigmoid(gate) * load(gate_up[at + width]));
  }
}

template <typename T, typename W = WideOf<T>>
__global__ void swiglu_backward_kernel(std::int64_t rows, std::int64_t width, const T* dy, const T* gate_up, T* grad) {
  for (std::int64_t i = first_index(); i < rows * width; i += index_stride()) {
    const std::int64_t at = i / width * 2 * width + i % width;
    const W gate = load(gate_up[at]);
    const W up = load(gate_up[at + width]);
    const W d = load(dy[i]);
    const W s = sigmoid(gate);
    const W silu = gate * s;
    store(grad + at, d * up * (s + silu * (W{1} - s)));
    store(grad + at + width, d * silu);
  }
}

template <typename T, typename W = WideOf<T>>
__global__ void rotate_kernel(std::int64_t length, std::int64_t batch, std::int64_t stride, std::int64_t heads,
                              std::int64_t head_size, std::int64_t half, const W* cosine, const W* sine, W sign,
                              T* data) {
  const std::int64_t pairs = heads * half;
  for (std::int64_t i = first_index(); i < length * batch * pairs; i += index_stride()) {
    const std::int64_t row = i / pairs;
    const std::int64_t pair = i % pairs;
    const std::int64_t k = pair % half;
    const std::int64_t angle = row / batch * half + k;
    T* low = data + row * stride + pair / half * head_size + k;
    T* high = low + half;
    const W a = load(*low);
    const W b = load(*high);
    const W c = cosine[angle];
    const W s = sign * sine[angle];
    store(low, a * c - b * s);
    store(high, b * c + a * s);
  }
}

}  // namespace

void swiglu(Element element, std::int64_t rows, std::int64_t width, const void* gate_up, void* y, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    launch(swiglu_kernel<T>, blocks_for(rows * width), stream, rows, width, static_cast<const T*>(gate_up),
           static_cast<T*>(y));
  });
}

void swiglu_backward(Element element, std::int64_t rows, std::int64_t width, const void* dy, const void* gate_up,
                     void* grad, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    launch(swiglu_backward_kernel<T>, blocks_for(rows * width), stream, rows, width, static_cast<const T*>(dy),
           static_cast<const T*>(gate_up), static_cast<T*>(grad));
  });
}

void rotate(Element element, std::int64_t length, std::int64_t batch, std::int64_t stride, std::int64_t heads,
            std::int64_t head_size, std::int64_t half, const void* cosine, const void* sine, bool inverse, void* data,
            cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    using W = WideOf<T>;
    launch(rotate_kernel<T>, blocks_for(length * batch * heads * half), stream, length, batch, stride, heads, head_size,
           half, static_cast<const W*>(cosine), static_cast<const W*>(sine), inverse ? W{-1} : W{1},
           static_cast<T*>(data));
  });
}

}  // namespace trireme::kernels::cuda
