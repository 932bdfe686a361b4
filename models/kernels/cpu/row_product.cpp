#include "models/kernels/cpu/row_product.hpp"

#include "models/kernels/cpu/isa.hpp"

namespace trireme::kernels::cpu {

std::int64_t row_product_stride(std::int64_t inner) { return ((inner + 15) / 16 | 1) * 16; }

std::int64_t row_product_scratch_bytes(Element element, std::int64_t rows, std::int64_t inner) {
  return rows * row_product_stride(inner) * (element == Element::kDouble ? 8 : 4);
}

}  // namespace trireme::kernels::cpu
