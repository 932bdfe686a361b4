// Which part of a logical tensor a tp rank holds and owns.
#include <algorithm>

#include "models/spec/logical_tensor.hpp"

namespace trireme::spec {
namespace {

struct Range {
  std::int64_t first = 0;
  std::int64_t last = 0;  // one past the end
};

Range part_of(std::int64_t size, int rank, int count) { return {size * rank / count, size * (rank + 1) / count}; }

Range held_along_split(const LogicalTensor& tensor, int rank, int count) {
  switch (tensor.split) {
    case Split::kRows: return part_of(tensor.shape[0], rank, count);
    case Split::kColumns: return part_of(tensor.shape[1], rank, count);
    case Split::kVocabulary: {
      const RowRange rows = vocabulary_rows(tensor.shape[0], rank, count);
      return {rows.first, rows.first + rows.count};
    }
    case Split::kQueryHeads: {
      const Range heads = part_of(tensor.heads.query, rank, count);
      return {heads.first * tensor.heads.size, heads.last * tensor.heads.size};
    }
    case Split::kKeyHeads: {
      const HeadRange heads = key_heads(tensor.heads, rank, count);
      return {heads.first * tensor.heads.size, (heads.first + heads.count) * tensor.heads.size};
    }
    case Split::kReplicated: break;
  }
  return {0, tensor.shape[0]};
}

topology::Box narrowed(const LogicalTensor& tensor, Range range) {
  topology::Box box = topology::whole(tensor.shape);
  const std::size_t dim = tensor.split == Split::kColumns ? 1 : 0;
  box.offset[dim] = range.first;
  box.size[dim] = range.last - range.first;
  return box;
}

/// What rank `rank` holds of [first, last) and no lower rank does. The held range never moves backwards as the rank
/// grows, so an element that any lower rank holds is held by the one before.
Range without_lower(Range mine, Range before) {
  const std::int64_t first = std::max(mine.first, before.last);
  return {first, std::max(first, mine.last)};
}

}  // namespace

RowRange vocabulary_rows(std::int64_t vocab, int tp_rank, int tp) {
  const std::int64_t rows = (vocab + tp - 1) / tp;
  const std::int64_t first = std::min(vocab, rows * tp_rank);
  return {first, std::min(vocab, rows * (tp_rank + 1)) - first};
}

topology::Box box_of(const LogicalTensor& tensor, int tp_rank, int tp) {
  return narrowed(tensor, held_along_split(tensor, tp_rank, tp));
}

topology::Box owned_box(const LogicalTensor& tensor, int tp_rank, int tp) {
  const Range mine = held_along_split(tensor, tp_rank, tp);
  if (tp_rank == 0) return narrowed(tensor, mine);
  return narrowed(tensor, without_lower(mine, held_along_split(tensor, tp_rank - 1, tp)));
}

HeadRange key_heads(const Heads& heads, int tp_rank, int tp) {
  const Range queries = part_of(heads.query, tp_rank, tp);
  const std::int64_t first = queries.first * heads.key / heads.query;
  const std::int64_t last = (queries.last - 1) * heads.key / heads.query;
  return {first, last - first + 1};
}

HeadRange owned_key_heads(const Heads& heads, int tp_rank, int tp) {
  const HeadRange mine = key_heads(heads, tp_rank, tp);
  if (tp_rank == 0) return mine;
  const HeadRange before = key_heads(heads, tp_rank - 1, tp);
  const Range own = without_lower({mine.first, mine.first + mine.count}, {before.first, before.first + before.count});
  return {own.first, own.last - own.first};
}

bool shares_key_heads(const Heads& heads, int tp) {
  std::int64_t held = 0;
  for (int rank = 0; rank < tp; ++rank) held += key_heads(heads, rank, tp).count;
  return held > heads.key;
}

}  // namespace trireme::spec
