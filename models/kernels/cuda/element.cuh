// Element types on the device: the type to compute in, and how to load and store.
#pragma once

#include <cuda_bf16.h>

#include "models/kernels/cuda/launch.hpp"

namespace trireme::kernels::cuda {

template <typename T>
struct Wide {
  using Type = T;
};
template <>
struct Wide<__nv_bfloat16> {
  using Type = float;
};
template <typename T>
using WideOf = typename Wide<T>::Type;

__device__ inline float load(float x) { return x; }
__device__ inline double load(double x) { return x; }
__device__ inline float load(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline void store(float* to, float x) { *to = x; }
__device__ inline void store(double* to, double x) { *to = x; }
__device__ inline void store(__nv_bfloat16* to, float x) { *to = __float2bfloat16_rn(x); }

/// Calls f with a null pointer of the element's type.
template <typename F>
void with_type(Element element, F f) {
  switch (element) {
    case Element::kFloat: f(static_cast<float*>(nullptr)); break;
    case Element::kDouble: f(static_cast<double*>(nullptr)); break;
    case Element::kBFloat16: f(static_cast<__nv_bfloat16*>(nullptr)); break;
  }
}

}  // namespace trireme::kernels::cuda
