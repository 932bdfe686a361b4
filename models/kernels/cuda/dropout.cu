// Makes the same draws as models/kernels/cpu/dropout.cpp: element e of a sequence's (T, D) slab takes word e % 4 of
// Philox counter e / 4.
#include "base/philox.hpp"
#include "models/kernels/cuda/element.cuh"

namespace trireme::kernels::cuda {
namespace {

template <typename T, typename W = WideOf<T>>
__global__ void dropout_kernel(const __grid_constant__ DropoutSlab slab, T* x) {
  const std::int64_t row_width = slab.sequences * slab.width;
  for (std::int64_t i = first_index(); i < slab.length * row_width; i += index_stride()) {
    const std::int64_t position = i / row_width;
    const std::int64_t sequence = i % row_width / slab.width;
    const std::int64_t column = i % slab.width;
    const std::uint64_t element = static_cast<std::uint64_t>((slab.first_position + position) * slab.width + column);
    const std::uint64_t group = element / 4;
    const base::PhiloxCounter draw = base::philox(
        {static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(group >> 32), slab.site, slab.layer},
        base::philox_key(slab.keys[sequence]));
    T* at = x + (position * slab.batch + slab.first_sequence + sequence) * slab.width + column;
    store(at, draw[element % 4] >= slab.threshold ? load(*at) * static_cast<W>(slab.scale) : W{0});
  }
}

}  // namespace

void dropout(Element element, const DropoutSlab& slab, void* x, cudaStream_t stream) {
  with_type(element, [&]<typename T>(T*) {
    dropout_kernel<T>
        <<<blocks_for(slab.length * slab.sequences * slab.width), kThreads, 0, stream>>>(slab, static_cast<T*>(x));
  });
}

}  // namespace trireme::kernels::cuda
