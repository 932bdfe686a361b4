#include "models/kernels/cpu/attention.hpp"

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu {

std::int64_t attention_scratch_bytes(Element element, const AttentionShape& shape, std::int64_t heads) {
  const std::int64_t row = (shape.head_size + 15) / 16 * 16;
  const std::int64_t blocks = 4 * shape.keys * row + kAttentionQueries * (5 * row + 2 * 64 + 3);
  const std::int64_t rows = heads * (2 * shape.head_size + 8);
  return (blocks + rows + 16 * 16) * (element == Element::kDouble ? 8 : 4);
}

}  // namespace trireme::kernels::cpu
