// The gradients of attention. Probabilities are computed again from the scores and their log-sum-exp, so that five
// products suffice.
#include "models/kernels/cpu/isa/attention_scores.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// Memory of one thread. "By lane" blocks are transposed.
template <typename W>
struct Scratch {
  W* keys;
  W* values;
  W* key_grad;
  W* value_grad;
  W* queries;
  W* queries_by_lane;
  W* output_grad;
  W* output_grad_by_lane;
  W* query_grad;
  W* scores;
  W* score_grad;
  W* log_sum_exp;
  W* along;  ///< output_grad . output, for each query

  Scratch(const AttentionShape& shape, void* memory) {
    const int64_t row = padded<W>(shape.head_size);
    W* next = static_cast<W*>(memory);
    const auto take = [&next](int64_t count) {
      W* const here = next;
      next += round_up(count, 16);
      return here;
    };
    keys = take(shape.keys * row);
    values = take(shape.keys * row);
    key_grad = take(shape.keys * row);
    value_grad = take(shape.keys * row);
    queries = take(kQueries * row);
    queries_by_lane = take(kQueries * row);
    output_grad = take(kQueries * row);
    output_grad_by_lane = take(kQueries * row);
    query_grad = take(kQueries * row);
    scores = take(kKeys * kQueries);
    score_grad = take(kKeys * kQueries);
    log_sum_exp = take(kQueries);
    along = take(kQueries);
  }
};

/// Fills the queries' blocks and statistics. Queries are multiplied by the scale. Those after the last get an output
/// gradient of 0, so they add nothing.
template <typename T, typename W = WideOf<T>>
void prepare(const AttentionShape& shape, const AttentionHead& head, Range queries, Scratch<W>& x) {
  const int64_t row = padded<W>(shape.head_size);
  pack(queries, shape.head_size, shape.query_stride, static_cast<W>(shape.scale), static_cast<const T*>(head.query),
       x.queries);
  pack(queries, shape.head_size, shape.output_stride, W{1}, static_cast<const T*>(head.output_grad), x.output_grad);
  clear_rows(queries.count(), row, x.queries);
  clear_rows(queries.count(), row, x.output_grad);
  transpose(row, x.queries, x.queries_by_lane);
  transpose(row, x.output_grad, x.output_grad_by_lane);
  clear_rows(0, row, x.query_grad);
  for (int64_t i = 0; i < kQueries; ++i) {
    x.along[i] = 0;
    x.log_sum_exp[i] = 0;
    if (i >= queries.count()) continue;
    x.log_sum_exp[i] = static_cast<const W*>(head.log_sum_exp)[queries.first + i];
    const T* output = static_cast<const T*>(head.output) + (queries.first + i) * shape.output_stride;
    const W* grad = x.output_grad + i * row;
    W sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < shape.head_size; ++j) sum += load(output[j]) * grad[j];
    x.along[i] = sum;
  }
}

/// Turns scores into probabilities, and the probabilities' gradients into the scores'.
template <bool kMasked, bool kCapped, typename W>
void differentiate(const Strip& strip, double soft_cap, Scratch<W>& x) {
  constexpr int64_t kUnit = kStripColumns<W>;
  const W inverse = kCapped ? static_cast<W>(1.0 / soft_cap) : W{0};
  for (int64_t lane = strip.lanes.first; lane < strip.lanes.end; lane += kUnit) {
    const W* log_sum_exp = x.log_sum_exp + lane;
    const W* along = x.along + lane;
    for (int64_t k = 0; k < strip.keys.count(); ++k) {
      W* __restrict scores = x.scores + k * kQueries + lane;
      W* __restrict grad = x.score_grad + k * kQueries + lane;
#pragma omp simd
      for (int64_t i = 0; i < kUnit; ++i) {
        W p = exponential(scores[i] - log_sum_exp[i]);
        W d = p * (grad[i] - along[i]);
        if (kCapped) {
          const W tangent = scores[i] * inverse;
          d *= W{1} - tangent * tangent;
        }
        if (kMasked) {
          const bool hidden = scores[i] == kHidden<W>;
          p = hidden ? W{0} : p;
          d = hidden ? W{0} : d;
        }
        scores[i] = p;
        grad[i] = d;
      }
    }
  }
}

template <typename W>
void differentiate(const Strip& strip, double soft_cap, Scratch<W>& x) {
  if (soft_cap > 0) {
    differentiate<true, true>(strip, soft_cap, x);
  } else if (strip.masked) {
    differentiate<true, false>(strip, soft_cap, x);
  } else {
    differentiate<false, false>(strip, soft_cap, x);
  }
}

template <typename W>
void backward_strip(const AttentionShape& shape, const Strip& strip, Range positions, Scratch<W>& x) {
  const int64_t row = padded<W>(shape.head_size);
  masked_scores(shape, strip, positions, x.keys, x.queries_by_lane, x.scores);
  multiply(strip, shape.head_size, x.values, x.output_grad_by_lane, x.score_grad);
  differentiate(strip, shape.soft_cap, x);
  const int64_t keys = strip.keys.count();
  const int64_t lanes = strip.lanes.count();
  const int64_t first = strip.lanes.first;
  const int64_t at = strip.keys.first * row;
  product<Left::kRows>(keys, row, {x.scores + first, kQueries, x.output_grad + first * row, row, lanes},
                       Result<W>{x.value_grad + at, row});
  product<Left::kRows>(keys, row, {x.score_grad + first, kQueries, x.queries + first * row, row, lanes},
                       Result<W>{x.key_grad + at, row});
  product<Left::kColumns>(lanes, row, {x.score_grad + first, kQueries, x.keys + at, row, keys},
                          Result<W>{x.query_grad + first * row, row});
}

template <typename T, typename W = WideOf<T>>
void backward_block(const AttentionShape& shape, const AttentionHead& head, Range queries, Scratch<W>& x) {
  prepare<T>(shape, head, queries, x);
  const Range positions = positions_of(shape, queries);
  const Range keys = visited(shape, queries);
  for (int64_t first = keys.first; first < keys.end; first += kKeys) {
    for_strips(shape, queries, {first, smaller(first + kKeys, keys.end)}, kStripColumns<W>,
               [&](const Strip& strip) { backward_strip(shape, strip, positions, x); });
  }
  unpack(queries, shape.head_size, shape.query_stride, static_cast<W>(shape.scale), x.query_grad,
         static_cast<T*>(head.query_grad));
}

template <typename T, typename W = WideOf<T>>
void write_kv_grads(const AttentionShape& shape, const AttentionKeyValue& kv, const Scratch<W>& x) {
  const Range keys{0, shape.keys};
  unpack(keys, shape.head_size, shape.kv_grad_stride, W{1}, x.key_grad, static_cast<T*>(kv.key_grad));
  unpack(keys, shape.head_size, shape.kv_grad_stride, W{1}, x.value_grad, static_cast<T*>(kv.value_grad));
}

}  // namespace

void attention_backward(Element element, const AttentionShape& shape, const AttentionKeyValue& kv, int64_t heads,
                        const AttentionHead* head, void* scratch) {
  with_type(element, [&]<typename T>(T*) {
    using W = WideOf<T>;
    Scratch<W> x(shape, scratch);
    const Range keys{0, shape.keys};
    const int64_t row = padded<W>(shape.head_size);
    pack(keys, shape.head_size, shape.kv_stride, W{1}, static_cast<const T*>(kv.key), x.keys);
    pack(keys, shape.head_size, shape.kv_stride, W{1}, static_cast<const T*>(kv.value), x.values);
    for (int64_t i = 0; i < shape.keys * row; ++i) x.key_grad[i] = x.value_grad[i] = 0;
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t q = 0; q < shape.queries; q += kQueries) {
        backward_block<T>(shape, head[h], {q, smaller(q + kQueries, shape.queries)}, x);
      }
    }
    if (kv.wide_grads) {
      write_kv_grads<W>(shape, kv, x);
    } else {
      write_kv_grads<T>(shape, kv, x);
    }
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
