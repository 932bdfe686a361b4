// What the host kernels share: element types, row counts, and dividing rows over OpenMP's threads.
#pragma once

#include <ATen/core/Tensor.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "base/error.hpp"
#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels {

inline cpu::Element element_of(const at::Tensor& x) {
  switch (x.scalar_type()) {
    case at::kFloat: return cpu::Element::kFloat;
    case at::kDouble: return cpu::Element::kDouble;
    case at::kBFloat16: return cpu::Element::kBFloat16;
    default: throw base::Error(base::str("no kernel for elements of type ", c10::toString(x.scalar_type())));
  }
}

inline std::int64_t columns_of(const at::Tensor& x) { return x.size(-1); }
inline std::int64_t rows_of(const at::Tensor& x) { return x.numel() / std::max<std::int64_t>(1, x.size(-1)); }
inline void* offset(void* data, std::int64_t elements, const at::Tensor& like) {
  return static_cast<char*>(data) + elements * static_cast<std::int64_t>(like.element_size());
}
inline const void* offset(const void* data, std::int64_t elements, const at::Tensor& like) {
  return static_cast<const char*>(data) + elements * static_cast<std::int64_t>(like.element_size());
}

/// Calls f(first, count) over [0, total) with one contiguous piece per thread, each a multiple of `multiple` long; with
/// one thread when the work (total * cost elements) is small.
template <typename F>
void divide(std::int64_t total, std::int64_t cost, const F& f, std::int64_t multiple = 1) {
  const std::int64_t threads = total * cost < 16384 ? 1 : omp_get_max_threads();
  if (threads <= 1 || total <= multiple) {
    if (total > 0) f(std::int64_t{0}, total);
    return;
  }
  const std::int64_t pieces = (total + multiple - 1) / multiple;
  const std::int64_t each = (pieces + threads - 1) / threads * multiple;
#pragma omp parallel for schedule(static, 1) num_threads(static_cast <int>(threads))
  for (std::int64_t first = 0; first < total; first += each) f(first, std::min(each, total - first));
}

/// The CUDA library's functions. Throws base::Error when it is not loaded.
const struct CudaTable& cuda_table();

}  // namespace trireme::kernels
