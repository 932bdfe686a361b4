// The merges of a byte-level BPE model and their application to one word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace trireme::text {

/// Joins two adjacent tokens into one. The merge with the smallest rank goes first; of equal ones the leftmost.
struct Merge {
  std::uint32_t left, right;
  std::uint32_t result;
};

class MergeTable {
 public:
  /// `byte_ids`: 256 ids. A pair that is listed twice has the later rank, as in Hugging Face's map.
  MergeTable(std::vector<std::uint32_t> byte_ids, const std::vector<Merge>& merges);

  /// Buffers for one thread.
  struct Scratch {
    std::vector<std::uint32_t> tokens, next, previous;
    std::vector<std::uint64_t> heap;
  };

  /// Writes the tokens of `word` to `out` (room for word.size() of them) and returns their number. Words are shorter
  /// than 2^32 bytes. Time O(n log n), and less for short words.
  std::size_t encode(std::string_view word, std::uint32_t* out, Scratch& scratch) const;

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
  std::size_t encode_short(std::string_view word, std::uint32_t* out) const;
  std::size_t encode_long(std::string_view word, std::uint32_t* out, Scratch& scratch) const;

  std::vector<std::uint32_t> byte_ids_;
  std::vector<Slot> slots_;
  unsigned shift_;
  Slot none_;
};

}  // namespace trireme::text
