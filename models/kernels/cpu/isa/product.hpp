// Products of small dense matrices in cache: C = A B, C += A B or C = diag(f) C + A B. The elements of a tile of C stay
// in registers while the inner dimension passes by, in ascending order, and are added to C at the end: a long sum is
// one of partial sums, which rounds less than one term after another.
#pragma once

#include "models/kernels/cpu/isa/vector.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// A tile has kTileRows x kTileVectors accumulators: with the vectors of B and one element of A, all registers.
#if defined(__AVX512F__)
constexpr int kTileRows = 8;
#elif defined(__AVX2__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 4;  // a product needs a register before it is added
#endif
constexpr int kTileVectors = 2;
template <typename W>
constexpr int64_t kTileColumns = int64_t{kTileVectors} * kLanes<W>;

/// Columns that edges of masks are cut to: few, so that little is computed in vain, but enough accumulators to hide an
/// addition's latency.
#if defined(__AVX512F__)
template <typename W>
constexpr int64_t kStripColumns = kLanes<W>;
#else
template <typename W>
constexpr int64_t kStripColumns = kTileColumns<W>;
#endif

/// How A lies in memory.
enum class Left {
  kRows,     ///< element (i, k) at a[i * stride + k]
  kColumns,  ///< element (i, k) at a[k * stride + i]
};

template <typename W>
struct Factors {
  const W* a;
  int64_t a_stride;
  const W* b;
  int64_t b_stride;
  int64_t inner;
};

/// What C holds before: nothing (`keep` false), or terms that are kept, row i multiplied by factor[i] (null: 1).
template <typename W>
struct Result {
  W* c;
  int64_t stride;
  bool keep = true;
  const W* factor = nullptr;
};

/// A function of its own: inlined into a larger one, GCC 12 keeps some of the sums in memory.
template <Left kLeft, int kRows, int kVectors, typename W>
[[gnu::noinline]] void tile(const Factors<W>& x, const W* __restrict a, const W* __restrict b, const Result<W>& y,
                            W* __restrict c, const W* factor) {
  using Vector = VectorOf<W>;
  Vector sum[kRows][kVectors] = {};
  const int64_t a_stride = x.a_stride;
  const int64_t b_stride = x.b_stride;
  for (int64_t k = x.inner; k > 0; --k) {
    Vector right[kVectors];
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) right[v] = load_vector(b + v * kLanes<W>);
#pragma GCC unroll 8
    for (int i = 0; i < kRows; ++i) {
      const Vector left = broadcast(kLeft == Left::kRows ? a[i * a_stride] : a[i]);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) sum[i][v] = mul_add(left, right[v], sum[i][v]);
    }
    a += kLeft == Left::kRows ? 1 : a_stride;
    b += b_stride;
  }
#pragma GCC unroll 8
  for (int i = 0; i < kRows; ++i) {
    const Vector scale = broadcast(factor == nullptr ? W{1} : factor[i]);
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      W* const to = c + i * y.stride + v * kLanes<W>;
      store_vector(to, y.keep ? mul_add(scale, load_vector(to), sum[i][v]) : sum[i][v]);
    }
  }
}

/// kRows rows of C from `row` on, whose elements of A are few enough to stay in the first cache.
template <Left kLeft, int kRows, typename W>
inline void row_of_tiles(int64_t row, int64_t columns, const Factors<W>& x, const Result<W>& y) {
  const W* const a = x.a + row * (kLeft == Left::kRows ? x.a_stride : 1);
  W* const c = y.c + row * y.stride;
  const W* const factor = y.factor == nullptr ? nullptr : y.factor + row;
  int64_t j = 0;
  for (; j + kTileColumns<W> <= columns; j += kTileColumns<W>) {
    tile<kLeft, kRows, kTileVectors>(x, a, x.b + j, y, c + j, factor);
  }
  for (; j < columns; j += kLanes<W>) tile<kLeft, kRows, 1>(x, a, x.b + j, y, c + j, factor);
}

/// The last rows, fewer than kTileRows.
template <Left kLeft, int kRows, typename W>
inline void last_rows(int64_t rows, int64_t row, int64_t columns, const Factors<W>& x, const Result<W>& y) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      row_of_tiles<kLeft, kRows>(row, columns, x, y);
    } else {
      last_rows<kLeft, kRows - 1>(rows, row, columns, x, y);
    }
  }
}

/// C has `rows` rows and `columns` columns, a multiple of kLanes.
template <Left kLeft, typename W>
void product(int64_t rows, int64_t columns, const Factors<W>& x, const Result<W>& y) {
  int64_t i = 0;
  for (; i + kTileRows <= rows; i += kTileRows) row_of_tiles<kLeft, kTileRows>(i, columns, x, y);
  last_rows<kLeft, kTileRows - 1>(rows - i, i, columns, x, y);
}

}  // namespace
}  // namespace trireme::kernels::cpu::TRIREME_ISA
