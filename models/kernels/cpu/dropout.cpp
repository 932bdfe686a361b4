// One Philox draw serves four elements: element e of a sequence's (T, D) slab takes word e % 4 of counter e / 4.
// Compiled for the program's own instruction set only, since it uses inline functions from outside.
#include "models/kernels/cpu/dropout.hpp"

#include "base/philox.hpp"
#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu {
namespace {

using namespace TRIREME_ISA;
using std::int64_t;

template <typename T, typename W = WideOf<T>>
void drop_row(const DropoutSlab& slab, int64_t position, std::uint64_t key, const T* x, T* y) {
  const W scale = static_cast<W>(slab.scale);
  const std::uint64_t start = static_cast<std::uint64_t>(position * slab.width);
  int64_t done = 0;
  while (done < slab.width) {
    const std::uint64_t element = start + static_cast<std::uint64_t>(done);
    const std::uint64_t group = element / 4;
    const base::PhiloxCounter draw = base::philox(
        {static_cast<std::uint32_t>(group), static_cast<std::uint32_t>(group >> 32), slab.stream[0], slab.stream[1]},
        base::philox_key(key));
    for (auto word = static_cast<std::size_t>(element % 4); word < 4 && done < slab.width; ++word, ++done) {
      store(y + done, draw[word] >= slab.threshold ? load(x[done]) * scale : W{0});
    }
  }
}

}  // namespace

void dropout(Element element, const DropoutSlab& slab, int64_t first, int64_t rows, const void* x, void* y) {
  with_type(element, [&]<typename T>(T*) {
    for (int64_t row = first; row < first + rows; ++row) {
      drop_row(slab, slab.first_position + row / slab.batch, slab.keys[row % slab.batch],
               static_cast<const T*>(x) + row * slab.width, static_cast<T*>(y) + row * slab.width);
    }
  });
}

}  // namespace trireme::kernels::cpu
