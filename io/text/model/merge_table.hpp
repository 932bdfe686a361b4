// The merges of a BPE model and their application to one word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trireme::text {

/// Joins two adjacent tokens into one. The merge with the smallest rank goes first; of equal ones the leftmost.
struct Merge {
  std::uint32_t left, right;
  std::uint32_t result;
};

class MergeTable {
 public:
  /// A pair that is listed twice has the later rank, as in Hugging Face's map.
  explicit MergeTable(const std::vector<Merge>& merges);

  /// Buffers for one thread.
  struct Scratch {
    std::vector<std::uint32_t> tokens, next, previous;
    std::vector<std::uint64_t> heap;
  };

  /// Merges the `count` tokens at `tokens`, fewer than 2^32, in place and returns how many are left. Time O(n log n),
  /// and less for few.
  std::size_t merge(std::uint32_t* tokens, std::size_t count, Scratch& scratch) const;

 private:
  static constexpr std::uint32_t kNoRank = 0xFFFFFFFF;
  static constexpr std::uint64_t kNoPair = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t pair = kNoPair;
    std::uint32_t rank = kNoRank;
    std::uint32_t result = 0;
  };

  static std::uint64_t pair_key(std::uint32_t left, std::uint32_t right) { return std::uint64_t{left} << 32 | right; }
  std::size_t slot_of(std::uint64_t pair) const { return (pair * 0x9E3779B97F4A7C15ULL) >> shift_; }
  const Slot& find(std::uint32_t left, std::uint32_t right) const;
  std::size_t merge_few(std::uint32_t* out, std::size_t n) const;
  std::size_t merge_many(std::uint32_t* out, std::size_t count, Scratch& scratch) const;

  std::vector<Slot> slots_;
  unsigned shift_;
  Slot none_;
};

}  // namespace trireme::text
