// Makes the same draws as models/kernels/cpu/dropout.cpp: element e of a sequence's (T, D) slab takes word e % 4 of
// Philox counter e / 4.
#include <algorithm>

#include "base/philox.hpp"
#include "models/kernels/cuda/element.cuh"
#include "models/kernels/cuda/grid.cuh"

namespace trireme::kernels::cuda {
namespace {

/// Some sequences of x (length, batch, width). The keys are part of the launch, so nothing is copied beforehand.
struct Sequences {
  static constexpr std::int64_t kMost = 256;
  std::int64_t length;
  std::int64_t batch;
  std::int64_t width;
  std::int64_t first_position;
  std::int64_t first_sequence;
  std::int64_t count;
  std::uint64_t keys[kMost];
  std::uint32_t stream[2];
  std::uint32_t threshold;
  double scale;
};

/// draw[index] without an index that only the running program knows: that would put the draw into local memory.
__device__ std::uint32_t word_of(const base::PhiloxCounter& draw, std::uint64_t index) {
  const std::uint32_t low = index % 2 == 0 ? draw[0] : draw[1];
  const std::uint32_t high = index % 2 == 0 ? draw[2] : draw[3];
  return index < 2 ? low : high;
}

template <typename T, typename W = WideOf<T>>
__global__ void dropout_kernel(const __grid_constant__ Sequences some, T* x) {
  const std::int64_t row_width = some.count * some.width;
  for (std::int64_t i = first_index(); i < some.length * row_width; i += index_stride()) {
    const std::int64_t position = i / row_width;
    const std::int64_t sequence = i % row_width / some.width;
    const std::int64_t column = i % some.width;
    const std::uint64_t element = static_cast<std::uint64_t>((some.first_position + position) * some.width + column);
    const std::uint64_t group = element / 4;
    const base::PhiloxCounter draw = base::philox(
        {static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(group >> 32), some.stream[0], some.stream[1]},
        base::philox_key(some.keys[sequence]));
    T* at = x + (position * some.batch + some.first_sequence + sequence) * some.width + column;
    store(at, word_of(draw, element % 4) >= some.threshold ? load(*at) * static_cast<W>(some.scale) : W{0});
  }
}

}  // namespace

void dropout(Element element, const cpu::DropoutSlab& slab, std::int64_t length, void* x, cudaStream_t stream) {
  Sequences some = {};
  some.length = length;
  some.batch = slab.batch;
  some.width = slab.width;
  some.first_position = slab.first_position;
  some.stream[0] = slab.stream[0];
  some.stream[1] = slab.stream[1];
  some.threshold = slab.threshold;
  some.scale = slab.scale;
  for (std::int64_t first = 0; first < slab.batch; first += Sequences::kMost) {
    some.first_sequence = first;
    some.count = std::min(Sequences::kMost, slab.batch - first);
    std::copy_n(slab.keys + first, some.count, some.keys);
    with_type(element, [&]<typename T>(T*) {
      launch(dropout_kernel<T>, blocks_for(length * some.count * slab.width), stream, some, static_cast<T*>(x));
    });
  }
}

}  // namespace trireme::kernels::cuda
