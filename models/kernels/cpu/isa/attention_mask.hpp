// Which keys a block of queries sees: strips of queries and the range of keys that any of them sees.
#pragma once

#include "models/kernels/cpu/attention.hpp"
#include "models/kernels/cpu/isa/arithmetic.hpp"

namespace trireme::kernels::cpu::TRIREME_ISA {
namespace {

constexpr int64_t kQueries = kAttentionQueries;
constexpr int64_t kKeys = 64;

inline int64_t round_up(int64_t x, int64_t multiple) { return (x + multiple - 1) / multiple * multiple; }

struct Range {
  int64_t first = 0;
  int64_t end = 0;

  int64_t count() const { return end - first; }
};

/// Keys that some of a strip's queries see. Each query sees all of them unless `masked`.
struct Strip {
  Range lanes;  ///< queries within their block; a multiple of the unit of lanes, may reach beyond the last query
  Range keys;
  bool masked = false;
};

/// Smallest and largest segment of some positions.
inline Range segments_of(const int64_t* segments, Range positions) {
  int64_t least = segments[positions.first];
  int64_t most = least;
  for (int64_t i = positions.first; i < positions.end; ++i) {
    least = smaller(least, segments[i]);
    most = larger(most, segments[i]);
  }
  return {least, most};
}

/// Narrows `keys` to those that some of the queries at `positions` may see; says whether some see fewer.
inline Strip seen(const AttentionShape& shape, Range positions, Range keys) {
  Strip strip;
  if (shape.causal) keys.end = smaller(keys.end, positions.end);
  if (shape.window > 0) keys.first = larger(keys.first, positions.first - shape.window + 1);
  if (keys.count() <= 0) return strip;
  strip.masked = (shape.causal && keys.end - 1 > positions.first) ||
                 (shape.window > 0 && keys.first <= positions.end - 1 - shape.window);
  if (shape.segments != nullptr) {
    const Range ours = segments_of(shape.segments, positions);
    const Range theirs = segments_of(shape.segments, keys);
    if (ours.end < theirs.first || theirs.end < ours.first) return strip;
    strip.masked = strip.masked || ours.first != ours.end || theirs.first != theirs.end || ours.first != theirs.first;
  }
  strip.keys = keys;
  return strip;
}

/// Calls f(strip) for `queries`, at most kQueries of them, and `keys`: once where all queries see all keys, else for
/// each `unit` of queries that sees some.
template <typename F>
inline void for_strips(const AttentionShape& shape, Range queries, Range keys, int64_t unit, const F& f) {
  const int64_t past = shape.keys - shape.queries;
  Strip whole = seen(shape, {past + queries.first, past + queries.end}, keys);
  if (whole.keys.count() == 0) return;
  whole.lanes = {0, round_up(queries.count(), unit)};
  if (!whole.masked) {
    f(whole);
    return;
  }
  for (int64_t lane = 0; lane < queries.count(); lane += unit) {
    const int64_t first = past + queries.first + lane;
    Strip strip = seen(shape, {first, smaller(first + unit, past + queries.end)}, keys);
    strip.lanes = {lane, lane + unit};
    if (strip.keys.count() > 0) f(strip);
  }
}

/// The keys that some query of a block may see, before segments: the blocks between them are visited.
inline Range visited(const AttentionShape& shape, Range queries) {
  const int64_t past = shape.keys - shape.queries;
  return {shape.window > 0 ? larger(0, past + queries.first - shape.window + 1) / kKeys * kKeys : 0,
          shape.causal ? past + queries.end : shape.keys};
}

/// Whether the query at position p sees the key.
inline bool sees(const AttentionShape& shape, int64_t p, int64_t key) {
  return (!shape.causal || key <= p) && (shape.window == 0 || key > p - shape.window) &&
         (shape.segments == nullptr || shape.segments[p] == shape.segments[key]);
}

}  // namespace
}  // namespace trireme::kernels::cpu::TRIREME_ISA
