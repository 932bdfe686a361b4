#include "models/kernels/row_product.hpp"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "models/kernels/host.hpp"
#include "models/kernels/kernels.hpp"

namespace trireme::kernels {
namespace {

/// Rows that are multiplied at a time: as many as stay in a core's cache beside a block of the weight.
constexpr std::int64_t kRowsAtOnce = 48;

void check(const at::Tensor& x, const at::Tensor& w, const at::Tensor& y) {
  const bool fits = x.dim() == 2 && w.dim() == 2 && y.dim() == 2 && x.size(1) == w.size(1) && y.size(0) == x.size(0) &&
                    y.size(1) == w.size(0) && x.scalar_type() == w.scalar_type() && y.scalar_type() == w.scalar_type();
  if (!fits || !x.is_contiguous() || !w.is_contiguous() || !y.is_contiguous()) {
    throw base::Error("row_product() takes contiguous matrices of one type that fit each other");
  }
}

}  // namespace

void row_product(const at::Tensor& x, const at::Tensor& w, at::Tensor& y, const cpu::IsaTable& table) {
  check(x, w, y);
  const cpu::Element element = element_of(x);
  const std::int64_t rows = x.size(0), inner = x.size(1), outputs = w.size(0);
  const std::int64_t bytes = cpu::row_product_scratch_bytes(element, std::min(rows, kRowsAtOnce), inner);
  const at::Tensor scratch = at::empty({omp_get_max_threads() * bytes}, at::kByte);
  const void* const from = x.const_data_ptr();
  const void* const weight = w.const_data_ptr();
  void* const to = y.mutable_data_ptr();
  auto* const memory = scratch.mutable_data_ptr<std::uint8_t>();
  divide(
      outputs, rows * inner,
      [&](std::int64_t first, std::int64_t count) {
        for (std::int64_t row = 0; row < rows; row += kRowsAtOnce) {
          const cpu::RowProduct product{std::min(kRowsAtOnce, rows - row), inner, count, outputs};
          table.row_product(element, product, offset(from, row * inner, x), offset(weight, first * inner, w),
                            offset(to, row * outputs + first, y), memory + omp_get_thread_num() * bytes);
        }
      },
      cpu::kRowProductColumns);
}

}  // namespace trireme::kernels
