#include "models/kernels/cpu/isa/attention_scores.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

/// Memory of one thread.
template <typename W>
struct Scratch {
  W* keys;
  W* values;
  W* queries;
  W* queries_by_lane;
  W* output;
  W* scores;
  W* maximum;
  W* sum;
  W* factor;

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
    queries = take(kQueries * row);
    queries_by_lane = take(kQueries * row);
    output = take(kQueries * row);
    scores = take(kKeys * kQueries);
    maximum = take(kQueries);
    sum = take(kQueries);
    factor = take(kQueries);
  }
};

/// Turns scores into e^(score - maximum) with the maximum so far, and brings the queries' sums up to date. factor gets
/// what earlier terms must be multiplied by (Milakov and Gimelshein, "Online normalizer calculation for softmax",
/// 2018).
template <bool kMasked, typename W>
void exponentiate(const Strip& strip, Scratch<W>& x) {
  constexpr int64_t kUnit = kStripColumns<W>;
  const int64_t keys = strip.keys.count();
  for (int64_t lane = strip.lanes.first; lane < strip.lanes.end; lane += kUnit) {
    W* const scores = x.scores + lane;
    W most[kUnit];
    W sum[kUnit] = {};
    for (int64_t i = 0; i < kUnit; ++i) most[i] = x.maximum[lane + i];
    for (int64_t k = 0; k < keys; ++k) {
      const W* s = scores + k * kQueries;
#pragma omp simd
      for (int64_t i = 0; i < kUnit; ++i) most[i] = s[i] > most[i] ? s[i] : most[i];
    }
    for (int64_t k = 0; k < keys; ++k) {
      W* s = scores + k * kQueries;
#pragma omp simd
      for (int64_t i = 0; i < kUnit; ++i) {
        W p = exponential(s[i] - most[i]);
        if (kMasked) p = s[i] == kHidden<W> ? W{0} : p;
        s[i] = p;
        sum[i] += p;
      }
    }
#pragma omp simd
    for (int64_t i = 0; i < kUnit; ++i) {
      x.factor[lane + i] = exponential(x.maximum[lane + i] - most[i]);
      x.maximum[lane + i] = most[i];
      x.sum[lane + i] = x.sum[lane + i] * x.factor[lane + i] + sum[i];
    }
  }
}

template <typename T, typename W = WideOf<T>>
void forward_block(const AttentionShape& shape, const AttentionHead& head, Range queries, Scratch<W>& x) {
  const int64_t row = padded<W>(shape.head_size);
  pack(queries, shape.head_size, shape.query_stride, static_cast<W>(shape.scale), static_cast<const T*>(head.query),
       x.queries);
  clear_rows(queries.count(), row, x.queries);
  transpose(row, x.queries, x.queries_by_lane);
  clear_rows(0, row, x.output);
  for (int64_t i = 0; i < kQueries; ++i) {
    x.maximum[i] = kHidden<W>;
    x.sum[i] = 0;
  }
  const Range keys = visited(shape, queries);
  for (int64_t first = keys.first; first < keys.end; first += kKeys) {
    for_strips(shape, queries, {first, smaller(first + kKeys, keys.end)}, kStripColumns<W>, [&](const Strip& strip) {
      masked_scores(shape, strip, positions_of(shape, queries), x.keys, x.queries_by_lane, x.scores);
      if (strip.masked) {
        exponentiate<true>(strip, x);
      } else {
        exponentiate<false>(strip, x);
      }
      product<Left::kColumns>(
          strip.lanes.count(), row,
          {x.scores + strip.lanes.first, kQueries, x.values + strip.keys.first * row, row, strip.keys.count()},
          Result<W>{x.output + strip.lanes.first * row, row, true, x.factor + strip.lanes.first});
    });
  }
  for (int64_t i = 0; i < queries.count(); ++i) {
    unpack({i + queries.first, i + queries.first + 1}, shape.head_size, shape.output_stride, W{1} / x.sum[i],
           x.output + i * row, static_cast<T*>(head.output));
    if (head.log_sum_exp == nullptr) continue;
    static_cast<W*>(head.log_sum_exp)[queries.first + i] = x.maximum[i] + logarithm(x.sum[i]);
  }
}

}  // namespace

void attention_forward(Element element, const AttentionShape& shape, const AttentionKeyValue& kv, int64_t heads,
                       const AttentionHead* head, int64_t first_query, int64_t end_query, void* scratch) {
  with_type(element, [&]<typename T>(T*) {
    using W = WideOf<T>;
    Scratch<W> x(shape, scratch);
    const Range keys = visited(shape, {first_query, end_query});
    const int64_t offset = keys.first * padded<W>(shape.head_size);
    pack(keys, shape.head_size, shape.kv_stride, W{1}, static_cast<const T*>(kv.key), x.keys + offset);
    pack(keys, shape.head_size, shape.kv_stride, W{1}, static_cast<const T*>(kv.value), x.values + offset);
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t q = first_query; q < end_query; q += kQueries) {
        forward_block<T>(shape, head[h], {q, smaller(q + kQueries, end_query)}, x);
      }
    }
  });
}

}  // namespace trireme::kernels::cpu::TRIREME_ISA
