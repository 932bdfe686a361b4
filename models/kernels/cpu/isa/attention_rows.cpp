// Attention of few new queries over many keys, as generation needs it: each query goes through the keys by itself, and
// keys and values are read once for all query heads that they serve. Reading them takes most of the time.
#include "models/kernels/cpu/isa/attention_scores.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// Rows ahead that are fetched into the cache while one is used: they are a model's width apart, which the hardware's
/// own prefetching does not follow across pages.
constexpr int64_t kAhead = 8;

template <typename T>
inline void prefetch(const T* row, int64_t width) {
  for (int64_t i = 0; i < width; i += 64 / static_cast<int64_t>(sizeof(T))) __builtin_prefetch(row + i);
}

/// One query of one head. Sum and output are relative to e^maximum.
template <typename W>
struct Row {
  W maximum = kHidden<W>;
  W sum = 0;
  W* query;  ///< multiplied by the scale
  W* output;
};

template <typename T, typename W = WideOf<T>>
inline W dot(int64_t size, const T* x, const W* y) {
  const int64_t whole = size / kLanes<W> * kLanes<W>;
  VectorOf<W> sum{};
  for (int64_t i = 0; i < whole; i += kLanes<W>) sum = mul_add(load_wide(x + i), load_vector(y + i), sum);
  W rest = 0;
  for (int64_t i = whole; i < size; ++i) rest += load(x[i]) * y[i];
  return sum_lanes(sum) + rest;
}

/// output += sum over keys of p[key] * value[key], for kVectors vectors of a head.
template <int kVectors, typename T, typename W>
inline void add_vectors(Range keys, int64_t stride, const T* value, const W* p, W* output) {
  VectorOf<W> sum[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) sum[v] = load_vector(output + v * kLanes<W>);
  for (int64_t k = keys.first; k < keys.end; ++k) {
    const T* x = value + k * stride;
    const VectorOf<W> factor = broadcast(p[k - keys.first]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sum[v] = mul_add(factor, load_wide(x + v * kLanes<W>), sum[v]);
    prefetch(x + kAhead * stride, kVectors * kLanes<W>);
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) store_vector(output + v * kLanes<W>, sum[v]);
}

template <typename T, typename W = WideOf<T>>
void add_values(int64_t size, Range keys, int64_t stride, const T* value, const W* p, W* output) {
  int64_t i = 0;
  for (; i + 4 * kLanes<W> <= size; i += 4 * kLanes<W>) add_vectors<4>(keys, stride, value + i, p, output + i);
  for (; i + kLanes<W> <= size; i += kLanes<W>) add_vectors<1>(keys, stride, value + i, p, output + i);
  for (; i < size; ++i) {
    for (int64_t k = keys.first; k < keys.end; ++k) {
      output[i] = mul_add(p[k - keys.first], load(value[k * stride + i]), output[i]);
    }
  }
}

/// Adds at most kKeys keys, all of which are seen.
template <typename T, typename W = WideOf<T>>
void add_keys(const AttentionShape& shape, Range keys, const T* key, const T* value, Row<W>& row) {
  W p[kKeys];
  W most = row.maximum;
  for (int64_t k = keys.first; k < keys.end; ++k) {
    const T* x = key + k * shape.kv_stride;
    W score = dot(shape.head_size, x, row.query);
    prefetch(x + kAhead * shape.kv_stride, shape.head_size);
    if (shape.soft_cap > 0) {
      const W cap = static_cast<W>(shape.soft_cap);
      score = cap * hyperbolic_tangent(score / cap);
    }
    p[k - keys.first] = score;
    most = score > most ? score : most;
  }
  const W factor = exponential(row.maximum - most);
  W sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < keys.count(); ++i) {
    p[i] = exponential(p[i] - most);
    sum += p[i];
  }
  row.maximum = most;
  row.sum = row.sum * factor + sum;
#pragma omp simd
  for (int64_t i = 0; i < shape.head_size; ++i) row.output[i] *= factor;
  add_values(shape.head_size, keys, shape.kv_stride, value, p, row.output);
}

template <typename T, typename W = WideOf<T>>
void forward_row(const AttentionShape& shape, const AttentionKeyValue& kv, int64_t heads, const AttentionHead* head,
                 int64_t query, Row<W>* rows, W* memory) {
  const int64_t size = shape.head_size;
  for (int64_t h = 0; h < heads; ++h) {
    rows[h] = {};
    rows[h].query = memory + 2 * h * size;
    rows[h].output = rows[h].query + size;
    const T* x = static_cast<const T*>(head[h].query) + query * shape.query_stride;
    for (int64_t i = 0; i < size; ++i) {
      rows[h].query[i] = load(x[i]) * static_cast<W>(shape.scale);
      rows[h].output[i] = 0;
    }
  }
  const int64_t position = shape.keys - shape.queries + query;
  const int64_t end = shape.causal ? position + 1 : shape.keys;
  const int64_t start = shape.window > 0 ? larger(0, position - shape.window + 1) : 0;
  for (int64_t first = start; first < end; first += kKeys) {
    for (int64_t h = 0; h < heads; ++h) {
      add_keys(shape, {first, smaller(first + kKeys, end)}, static_cast<const T*>(kv.key),
               static_cast<const T*>(kv.value), rows[h]);
    }
  }
  for (int64_t h = 0; h < heads; ++h) {
    T* const y = static_cast<T*>(head[h].output) + query * shape.output_stride;
    for (int64_t i = 0; i < size; ++i) store(y + i, rows[h].output[i] / rows[h].sum);
  }
}

}  // namespace

void attention_rows(Element element, const AttentionShape& shape, const AttentionKeyValue& kv, int64_t heads,
                    const AttentionHead* head, void* scratch) {
  with_type(element, [&]<typename T>(T*) {
    using W = WideOf<T>;
    auto* const rows = static_cast<Row<W>*>(scratch);
    W* const memory = reinterpret_cast<W*>(rows + heads);
    for (int64_t query = 0; query < shape.queries; ++query) {
      forward_row<T>(shape, kv, heads, head, query, rows, memory);
    }
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
