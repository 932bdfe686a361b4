// Blocks of queries and keys in the wide type, and their scores. Scores lie with queries as lanes: row k holds the
// scores of one key for all queries of the block, so that statistics of queries are vectors.
#pragma once

#include "models/kernels/cpu/isa/attention_mask.hpp"
#include "models/kernels/cpu/isa/product.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// The score of a key that a query does not see.
template <typename W>
constexpr W kHidden = sizeof(W) == 4 ? static_cast<W>(-__FLT_MAX__) : static_cast<W>(-__DBL_MAX__);

/// Length of a head's row in blocks: whole vectors, filled with zeros.
template <typename W>
inline int64_t padded(int64_t head_size) {
  return round_up(head_size, kLanes<W>);
}

/// to[r][i] = factor * from[r * stride + i], in rows of padded(width).
template <typename T, typename W = WideOf<T>>
void pack(Range rows, int64_t width, int64_t stride, W factor, const T* from, W* to) {
  const int64_t row_size = padded<W>(width);
  for (int64_t r = rows.first; r < rows.end; ++r) {
    const T* __restrict x = from + r * stride;
    W* __restrict y = to + (r - rows.first) * row_size;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) y[i] = load(x[i]) * factor;
    for (int64_t i = width; i < row_size; ++i) y[i] = 0;
  }
}

/// to[r * stride + i] = factor * from[r][i]; the inverse of pack().
template <typename T, typename W = WideOf<T>>
void unpack(Range rows, int64_t width, int64_t stride, W factor, const W* from, T* to) {
  const int64_t row_size = padded<W>(width);
  for (int64_t r = rows.first; r < rows.end; ++r) {
    const W* __restrict x = from + (r - rows.first) * row_size;
    T* __restrict y = to + r * stride;
#pragma omp simd
    for (int64_t i = 0; i < width; ++i) store(y + i, x[i] * factor);
  }
}

/// Fills the rows of a block of kQueries after `rows`.
template <typename W>
void clear_rows(int64_t rows, int64_t row_size, W* block) {
  for (int64_t i = rows * row_size; i < kQueries * row_size; ++i) block[i] = 0;
}

/// to[i][q] = from[q][i] for kQueries rows.
template <typename W>
void transpose(int64_t row_size, const W* __restrict from, W* __restrict to) {
  constexpr int kCount = static_cast<int>(kLanes<W>);
  for (int64_t q = 0; q < kQueries; q += kCount) {
    for (int64_t i = 0; i < row_size; i += kCount) {
      VectorOf<W> rows[kCount];
#pragma GCC unroll 16
      for (int r = 0; r < kCount; ++r) rows[r] = load_vector(from + (q + r) * row_size + i);
      transpose_square<W>(rows);
#pragma GCC unroll 16
      for (int r = 0; r < kCount; ++r) store_vector(to + (i + r) * kQueries + q, rows[r]);
    }
  }
}

/// scores[k][lane] = keys[k] . queries[lane], for the strip's keys from its first on.
template <typename W>
void multiply(const Strip& strip, int64_t head_size, const W* keys, const W* queries_by_lane, W* scores) {
  product<Left::kRows>(strip.keys.count(), strip.lanes.count(),
                       {keys + strip.keys.first * padded<W>(head_size), padded<W>(head_size),
                        queries_by_lane + strip.lanes.first, kQueries, head_size},
                       Result<W>{scores + strip.lanes.first, kQueries, false});
}

template <typename W>
void cap(const Strip& strip, double soft_cap, W* scores) {
  const W largest = static_cast<W>(soft_cap);
  const W inverse = static_cast<W>(1.0 / soft_cap);
  for (int64_t k = 0; k < strip.keys.count(); ++k) {
    W* __restrict s = scores + k * kQueries;
#pragma omp simd
    for (int64_t lane = strip.lanes.first; lane < strip.lanes.end; ++lane)
      s[lane] = largest * hyperbolic_tangent(s[lane] * inverse);
  }
}

/// Hides what the queries do not see; `positions` are those of the block's queries.
template <typename W>
void hide(const AttentionShape& shape, const Strip& strip, Range positions, W* scores) {
  const int64_t end = smaller(strip.lanes.end, positions.count());
  for (int64_t key = strip.keys.first; key < strip.keys.end; ++key, scores += kQueries) {
    if (shape.causal) {
      const int64_t before = smaller(key - positions.first, end);
      for (int64_t lane = strip.lanes.first; lane < before; ++lane) scores[lane] = kHidden<W>;
    }
    if (shape.window > 0) {
      const int64_t after = larger(key + shape.window - positions.first, strip.lanes.first);
      for (int64_t lane = after; lane < end; ++lane) scores[lane] = kHidden<W>;
    }
    if (!strip.mixed) continue;
    const std::int32_t* starts = shape.starts + positions.first;
    for (int64_t lane = strip.lanes.first; lane < end; ++lane) {
      scores[lane] = starts[lane] == shape.starts[key] ? scores[lane] : kHidden<W>;
    }
  }
}

/// The scores of a strip as the softmax takes them.
template <typename W>
void masked_scores(const AttentionShape& shape, const Strip& strip, Range positions, const W* keys,
                   const W* queries_by_lane, W* scores) {
  multiply(strip, shape.head_size, keys, queries_by_lane, scores);
  if (shape.soft_cap > 0) cap(strip, shape.soft_cap, scores);
  if (strip.masked) hide(shape, strip, positions, scores);
}

inline Range positions_of(const AttentionShape& shape, Range queries) {
  const int64_t past = shape.keys - shape.queries;
  return {past + queries.first, past + queries.end};
}

}  // namespace
}  // namespace trireme::kernels::cpu::TRIREME_ISA
