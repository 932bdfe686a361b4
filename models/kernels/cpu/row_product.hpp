// The product of a linear layer for inference, y = x w^T, as the kernels see it.
#pragma once

#include <cstdint>

namespace trireme::kernels::cpu {

/// x (rows, inner), w (outputs, inner) and y (rows, any) are row-major. Rows of x and w are dense.
struct RowProduct {
  std::int64_t rows = 0;
  std::int64_t inner = 0;
  std::int64_t outputs = 0;
  std::int64_t y_stride = 0;  ///< elements from one row of y to the next
};

/// Columns of y that different threads may write without sharing a cache line, where rows of y begin at one.
constexpr std::int64_t kRowProductColumns = 16;

/// Elements between rows of x in the scratch memory: an odd number of cache lines, or rows of many sizes would meet in
/// the same few sets of a cache.
std::int64_t row_product_stride(std::int64_t inner);

}  // namespace trireme::kernels::cpu
