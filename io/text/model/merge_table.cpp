#include "io/text/model/merge_table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>

namespace trireme::text {
namespace {

constexpr std::size_t kFew = 48;
constexpr std::uint32_t kNowhere = 0xFFFFFFFF;

}  // namespace

MergeTable::MergeTable(const std::vector<Merge>& merges) {
  const std::size_t capacity = std::bit_ceil(std::max<std::size_t>(merges.size() * 2, 1024));
  slots_.resize(capacity);
  shift_ = static_cast<unsigned>(64 - std::countr_zero(capacity));
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const std::uint64_t pair = pair_key(merges[rank].left, merges[rank].right);
    std::size_t i = slot_of(pair);
    while (slots_[i].pair != kNoPair && slots_[i].pair != pair) i = (i + 1) & (capacity - 1);
    slots_[i] = {pair, static_cast<std::uint32_t>(rank), merges[rank].result};
  }
}

const MergeTable::Slot& MergeTable::find(std::uint32_t left, std::uint32_t right) const {
  const std::uint64_t pair = pair_key(left, right);
  for (std::size_t i = slot_of(pair);; i = (i + 1) & (slots_.size() - 1)) {
    if (slots_[i].pair == pair) return slots_[i];
    if (slots_[i].pair == kNoPair) return none_;
  }
}

std::size_t MergeTable::merge(std::uint32_t* tokens, std::size_t count, Scratch& scratch) const {
  return count <= kFew ? merge_few(tokens, count) : merge_many(tokens, count, scratch);
}

/// Looks for the best pair after each merge: quadratic, and the fastest way for a few dozen tokens.
std::size_t MergeTable::merge_few(std::uint32_t* out, std::size_t n) const {
  std::uint32_t ranks[kFew], results[kFew];
  const auto look_up = [&](std::size_t i) {
    const Slot& slot = find(out[i], out[i + 1]);
    ranks[i] = slot.rank;
    results[i] = slot.result;
  };
  for (std::size_t i = 0; i + 1 < n; ++i) look_up(i);
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i) {
      if (ranks[i] < ranks[best]) best = i;
    }
    if (ranks[best] == kNoRank) break;
    out[best] = results[best];
    --n;
    for (std::size_t i = best + 1; i < n; ++i) {
      out[i] = out[i + 1];
      ranks[i] = ranks[i + 1];
      results[i] = results[i + 1];
    }
    if (best > 0) look_up(best - 1);
    if (best + 1 < n) look_up(best);
  }
  return n;
}

/// Uses a heap of (rank, position) over a linked list. An entry is stale when the pair at its position has another
/// rank.
std::size_t MergeTable::merge_many(std::uint32_t* out, std::size_t count, Scratch& scratch) const {
  const auto n = static_cast<std::uint32_t>(count);
  std::vector<std::uint32_t>&tokens = scratch.tokens, &next = scratch.next, &previous = scratch.previous;
  std::vector<std::uint64_t>& heap = scratch.heap;
  tokens.resize(n);
  next.resize(n);
  previous.resize(n);
  heap.clear();
  for (std::uint32_t i = 0; i < n; ++i) {
    tokens[i] = out[i];
    next[i] = i + 1 < n ? i + 1 : kNowhere;
    previous[i] = i > 0 ? i - 1 : kNowhere;
  }
  const auto rank_at = [&](std::uint32_t i) -> const Slot& {
    return next[i] == kNowhere ? none_ : find(tokens[i], tokens[next[i]]);
  };
  const auto entry = [](std::uint32_t rank, std::uint32_t i) { return std::uint64_t{rank} << 32 | i; };
  for (std::uint32_t i = 0; i < n; ++i) {
    if (const std::uint32_t rank = rank_at(i).rank; rank != kNoRank) heap.push_back(entry(rank, i));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  const auto push = [&](std::uint32_t i) {
    const std::uint32_t rank = rank_at(i).rank;
    if (rank == kNoRank) return;
    heap.push_back(entry(rank, i));
    std::push_heap(heap.begin(), heap.end(), std::greater<>());
  };
  constexpr std::uint32_t kGone = 0xFFFFFFFF;
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const auto rank = static_cast<std::uint32_t>(heap.back() >> 32), i = static_cast<std::uint32_t>(heap.back());
    heap.pop_back();
    if (tokens[i] == kGone) continue;
    const Slot& slot = rank_at(i);
    if (slot.rank != rank) continue;
    const std::uint32_t right = next[i];
    tokens[i] = slot.result;
    tokens[right] = kGone;
    next[i] = next[right];
    if (next[i] != kNowhere) previous[next[i]] = i;
    if (previous[i] != kNowhere) push(previous[i]);
    push(i);
  }
  std::size_t left = 0;
  for (std::uint32_t i = 0; i != kNowhere; i = next[i]) out[left++] = tokens[i];
  return left;
}

}  // namespace trireme::text
