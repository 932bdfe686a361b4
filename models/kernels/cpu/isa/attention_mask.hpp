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
  bool mixed = false;  ///< the queries are of several documents; a strip that is mixed is masked
};

/// The position after the last one of the document that holds `position`. Starts ascend, so those of later documents
/// are found by halving.
inline int64_t document_end(const AttentionShape& shape, int64_t position) {
  int64_t inside = position;
  int64_t outside = shape.keys;
  while (outside - inside > 1) {
    const int64_t middle = inside + (outside - inside) / 2;
    (shape.starts[middle] > position ? outside : inside) = middle;
  }
  return outside;
}

/// Narrows `keys` to those that some of the queries at `positions` may see.
inline Range narrowed(const AttentionShape& shape, Range positions, Range keys) {
  if (shape.causal) keys.end = smaller(keys.end, positions.end);
  if (shape.window > 0) keys.first = larger(keys.first, positions.first - shape.window + 1);
  if (shape.starts == nullptr) return keys;
  keys.first = larger(keys.first, shape.starts[positions.first]);
  if (!shape.causal) keys.end = smaller(keys.end, document_end(shape, positions.end - 1));
  return keys;
}

/// The keys that some of the queries at `positions` see, and whether some of these queries see fewer.
inline Strip seen(const AttentionShape& shape, Range positions, Range keys) {
  Strip strip;
  keys = narrowed(shape, positions, keys);
  if (keys.count() <= 0) return strip;
  strip.keys = keys;
  strip.mixed = shape.starts != nullptr && shape.starts[positions.first] != shape.starts[positions.end - 1];
  strip.masked = strip.mixed || (shape.causal && keys.end - 1 > positions.first) ||
                 (shape.window > 0 && keys.first <= positions.end - 1 - shape.window);
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

/// The keys that some of `queries` may see, from the beginning of a block on: the blocks between them are visited.
inline Range visited(const AttentionShape& shape, Range queries) {
  const int64_t past = shape.keys - shape.queries;
  const Range keys = narrowed(shape, {past + queries.first, past + queries.end}, {0, shape.keys});
  return {keys.first / kKeys * kKeys, keys.end};
}

}  // namespace
}  // namespace trireme::kernels::cpu::TRIREME_ISA
