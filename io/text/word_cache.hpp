// Remembers the tokens of words that were seen lately. Each thread has its own; its size is bounded, and old words are
// dropped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace trireme::text {

/// Two levels. Words of at most 15 bytes and 3 tokens (nearly all of a text) lie in pairs of 32-byte entries, a pair
/// to a cache line; the rest up to kLongest bytes in an arena that starts over when it is full.
class WordCache {
 public:
  static constexpr std::size_t kLongest = 128;

  WordCache() : lines_(kLines), long_slots_(kLongSlots), arena_(kArena) {}

  struct Key {
    std::uint64_t low, high;  ///< the bytes, zero-padded; the length in the highest byte
  };

  /// The key of a word of 1 to 15 bytes. `readable`: at least 16 bytes may be read at p.
  static Key key(const char* p, std::size_t length, bool readable) noexcept {
    Key key{0, 0};
    if (readable) {
      std::memcpy(&key, p, 16);
      const auto bits = static_cast<unsigned>(length * 8);
      key.low &= length >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
      key.high &= length > 8 ? (std::uint64_t{1} << (bits - 64)) - 1 : 0;
    } else {
      std::memcpy(&key, p, length);
    }
    key.high |= std::uint64_t{length} << 56;
    return key;
  }

  /// Writes the word's tokens to `out` (room for 4) and returns their number; 0 when the word is unknown.
  std::size_t find(const Key& key, std::uint32_t* out) const noexcept {
    const Line& line = lines_[line_of(key)];
    for (const Entry& entry : line.entries) {
      if (entry.low == key.low && entry.high == key.high) {
        std::memcpy(out, entry.tokens, 16);
        return entry.tokens[3];
      }
    }
    return 0;
  }

  /// Stores a word's tokens; count <= 3.
  void insert(const Key& key, const std::uint32_t* tokens, std::size_t count) noexcept {
    Line& line = lines_[line_of(key)];
    line.entries[1] = line.entries[0];
    Entry& entry = line.entries[0];
    entry.low = key.low;
    entry.high = key.high;
    for (std::size_t i = 0; i < count; ++i) entry.tokens[i] = tokens[i];
    entry.tokens[3] = static_cast<std::uint32_t>(count);
  }

  /// The same for words of at most kLongest bytes and any number of tokens. `out` must have room for word.size()
  /// tokens.
  std::size_t find_long(std::string_view word, std::uint64_t hash, std::uint32_t* out) const noexcept;
  void insert_long(std::string_view word, std::uint64_t hash, const std::uint32_t* tokens, std::size_t count) noexcept;
  static std::uint64_t hash(std::string_view word) noexcept;

 private:
  static constexpr unsigned kLineBits = 16, kLongBits = 16;
  static constexpr std::size_t kLines = std::size_t{1} << kLineBits, kLongSlots = std::size_t{1} << kLongBits;
  static constexpr std::size_t kArena = std::size_t{4} << 20;

  struct Entry {
    std::uint64_t low = 0, high = 0;
    std::uint32_t tokens[4] = {};  // the last one is their count
  };
  struct alignas(64) Line {
    Entry entries[2];
  };
  struct LongSlot {
    std::uint64_t hash = 0;
    std::uint32_t offset = 0;  // position in the arena of the tokens, which the word follows
    std::uint16_t count = 0, length = 0;
  };

  static std::size_t line_of(const Key& key) noexcept {
    const std::uint64_t mixed = (key.low ^ (key.high * 0xC2B2AE3D27D4EB4FULL)) * 0x9E3779B97F4A7C15ULL;
    return (mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9ULL >> (64 - kLineBits);
  }

  std::vector<Line> lines_;
  std::vector<LongSlot> long_slots_;
  std::vector<char> arena_;
  std::size_t used_ = 0;
};

}  // namespace trireme::text
