// y = x w^T for few rows of x. Reading w from memory takes most of the time, so what matters is that w is read once, in
// the order in which it lies, and far enough ahead.
//
// Every element of y is a sum of its own: lane l of a vector adds the products of the columns l, l + kLanes, …, then
// the lanes are added as sum_lanes() does, then the columns behind the last whole vector. No tile or block changes
// that.
#include "models/kernels/cpu/isa/vector.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// A tile is kTileOutputs rows of w times up to kTileRows rows of x, all of whose sums stay in registers.
constexpr int kTileOutputs = 4;
#if defined(__AVX512F__)
constexpr int kTileRows = 6;
#else
constexpr int kTileRows = 2;
#endif

/// Bytes of w that stay in the second cache while the groups of rows of x pass by, beside those that come next.
constexpr int64_t kBlockBytes = int64_t{144} << 10;
constexpr int64_t kLine = 64;
constexpr int64_t kNever = int64_t{1} << 62;

/// Fetches w into the second cache in the order in which it lies while the product is computed: `every` steps of a tile
/// fetch as many lines as one of them reads. The hardware's own prefetching follows one row of w at a time, not four.
struct Ahead {
  const char* next;
  int64_t every;
  int64_t left;

  /// Called for each step that reads kOutputs * kBytes of w.
  template <int kOutputs, int64_t kBytes>
  inline void step() {
    if (--left > 0) return;
    left = every;
    constexpr int64_t kTotal = kOutputs * kBytes;
#pragma GCC unroll 8
    for (int64_t i = 0; i < kTotal; i += kLine) __builtin_prefetch(next + i, 0, 2);
    next += kTotal;
  }
};

template <typename T, typename W = WideOf<T>>
struct Operands {
  int64_t inner;
  int64_t x_stride;
  int64_t y_stride;
  const W* x;
  const T* w;
  T* y;
};

typedef float FourFloats __attribute__((vector_size(16)));
#if defined(__AVX2__)
typedef float EightFloats __attribute__((vector_size(32)));
#endif

/// Adds the upper half to the lower until four lanes are left, as sum_lanes() does.
#if defined(__AVX2__)
inline FourFloats fold(EightFloats x) {
  return __builtin_shufflevector(x, x, 0, 1, 2, 3) + __builtin_shufflevector(x, x, 4, 5, 6, 7);
}
#else
inline FourFloats fold(FourFloats x) { return x; }
#endif
#if defined(__AVX512F__)
inline FourFloats fold(FloatVector x) {
  return fold(__builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) +
              __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15));
}
#endif

/// The sums of the lanes of four vectors, as sum_lanes() adds them.
inline void sum_four(const FloatVector* x, float* sums) {
  const FourFloats a = fold(x[0]), b = fold(x[1]), c = fold(x[2]), d = fold(x[3]);
  const FourFloats ab = __builtin_shufflevector(a, b, 0, 4, 1, 5) + __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const FourFloats cd = __builtin_shufflevector(c, d, 0, 4, 1, 5) + __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const FourFloats all = __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  __builtin_memcpy(sums, &all, sizeof all);
}
inline void sum_four(const DoubleVector* x, double* sums) {
  for (int i = 0; i < 4; ++i) sums[i] = sum_lanes(x[i]);
}

/// Adds the lanes and the columns from `first` on, and stores the elements of one row of y.
template <int kOutputs, typename T, typename W = WideOf<T>>
inline void finish(const VectorOf<W>* sum, int64_t first, int64_t inner, const W* x, const T* w, T* y) {
  W total[kOutputs];
  if constexpr (kOutputs == 4) {
    sum_four(sum, total);
  } else {
    for (int i = 0; i < kOutputs; ++i) total[i] = sum_lanes(sum[i]);
  }
  if (first < inner) {
    for (int i = 0; i < kOutputs; ++i) {
      W rest = 0;
      for (int64_t k = first; k < inner; ++k) rest = mul_add(load(w[i * inner + k]), x[k], rest);
      total[i] += rest;
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kOutputs; ++i) store(y + i, total[i]);
}

/// kOutputs elements of each of kRows rows of y.
template <int kOutputs, int kRows, bool kFetch, typename T, typename W = WideOf<T>>
[[gnu::noinline]] void tile(const Operands<T>& p, const W* x, const T* w, T* y, Ahead& fetched) {
  using Vector = VectorOf<W>;
  Vector sum[kRows][kOutputs] = {};
  const int64_t inner = p.inner;
  const int64_t x_stride = p.x_stride;
  const int64_t whole = inner / kLanes<W> * kLanes<W>;
  Ahead ahead = fetched;
  for (int64_t k = 0; k < whole; k += kLanes<W>) {
    if constexpr (kFetch) ahead.step<kOutputs, kLanes<W>* static_cast<int64_t>(sizeof(T))>();
    Vector right[kOutputs];
#pragma GCC unroll 4
    for (int i = 0; i < kOutputs; ++i) right[i] = load_wide(w + i * inner + k);
#pragma GCC unroll 8
    for (int j = 0; j < kRows; ++j) {
      const Vector left = load_vector(x + j * x_stride + k);
#pragma GCC unroll 4
      for (int i = 0; i < kOutputs; ++i) sum[j][i] = mul_add(right[i], left, sum[j][i]);
    }
  }
  if constexpr (kFetch) fetched = ahead;
#pragma GCC unroll 8
  for (int j = 0; j < kRows; ++j) {
    finish<kOutputs>(sum[j], whole, inner, x + j * x_stride, w, y + j * p.y_stride);
  }
}

/// The outputs [first, end) of kRows rows from `row` on.
template <int kRows, typename T>
void column_of_tiles(const Operands<T>& p, int64_t row, int64_t first, int64_t end, Ahead& ahead) {
  const auto* const x = p.x + row * p.x_stride;
  T* const y = p.y + row * p.y_stride;
  int64_t n = first;
  for (; n + kTileOutputs <= end; n += kTileOutputs) {
    tile<kTileOutputs, kRows, true>(p, x, p.w + n * p.inner, y + n, ahead);
  }
  for (; n < end; ++n) tile<1, kRows, false>(p, x, p.w + n * p.inner, y + n, ahead);
}

template <int kRows, typename T>
inline void rows_of_tiles(int64_t rows, const Operands<T>& p, int64_t row, int64_t first, int64_t end, Ahead& ahead) {
  if constexpr (kRows > 0) {
    if (rows == kRows) {
      column_of_tiles<kRows>(p, row, first, end, ahead);
    } else {
      rows_of_tiles<kRows - 1>(rows, p, row, first, end, ahead);
    }
  }
}

/// The rows of x go in equal groups through one block of w after another. Each block fetches the next one. The first
/// ones are small, since nobody has fetched them.
template <typename T>
void blocks(const Operands<T>& p, int64_t rows, int64_t outputs) {
  const int64_t groups = (rows + kTileRows - 1) / kTileRows;
  const int64_t row_bytes = p.inner * static_cast<int64_t>(sizeof(T));
  const int64_t fitting = kBlockBytes / (row_bytes + 1) / kTileOutputs * kTileOutputs;
  const int64_t most = groups == 1 ? kTileOutputs : larger(fitting, kTileOutputs);
  int64_t block = kTileOutputs;
  for (int64_t first = 0; first < outputs; first += block, block = smaller(2 * block, most)) {
    const int64_t end = smaller(first + block, outputs);
    const int64_t after = smaller(smaller(2 * block, most), outputs - end);
    const int64_t every = after == 0 ? kNever : larger(1, groups * block / after);
    Ahead ahead{reinterpret_cast<const char*>(p.w + end * p.inner), every, every};
    for (int64_t group = 0; group < groups; ++group) {
      const int64_t row = group * rows / groups;
      rows_of_tiles<kTileRows>((group + 1) * rows / groups - row, p, row, first, end, ahead);
    }
  }
}

/// One row: w passes by in the order in which it lies, which the hardware's prefetching follows.
template <typename T>
void single_row(const Operands<T>& p, int64_t outputs) {
  Ahead unused{};
  for (int64_t n = 0; n < outputs; ++n) tile<1, 1, false>(p, p.x, p.w + n * p.inner, p.y + n, unused);
}

/// Copies rows to where they lie `stride` elements apart, in the wide type.
template <typename T, typename W = WideOf<T>>
const W* spread(const T* x, int64_t rows, int64_t inner, int64_t stride, W* to) {
  for (int64_t row = 0; row < rows; ++row) {
#pragma omp simd
    for (int64_t i = 0; i < inner; ++i) to[row * stride + i] = load(x[row * inner + i]);
  }
  return to;
}

}  // namespace

void row_product(Element element, const RowProduct& product, const void* x, const void* w, void* y, void* scratch) {
  with_type(element, [&]<typename T>(T*) {
    using W = WideOf<T>;
    const int64_t stride = row_product_stride(product.inner);
    const W* const wide =
        spread(static_cast<const T*>(x), product.rows, product.inner, stride, static_cast<W*>(scratch));
    const Operands<T> p{product.inner, stride, product.y_stride, wide, static_cast<const T*>(w), static_cast<T*>(y)};
    if (product.rows == 1) {
      single_row(p, product.outputs);
    } else {
      blocks(p, product.rows, product.outputs);
    }
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
