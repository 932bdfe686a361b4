#include "io/text/word_cache.hpp"

#include <algorithm>

namespace trireme::text {

std::uint64_t WordCache::hash(std::string_view word) noexcept {
  std::uint64_t state = word.size() * 0x9E3779B97F4A7C15ULL;
  const auto add = [&state](std::uint64_t bytes) {
    state = (state ^ bytes) * 0xBF58476D1CE4E5B9ULL;
    state ^= state >> 31;
  };
  std::size_t i = 0;
  for (; i + 8 <= word.size(); i += 8) {
    std::uint64_t bytes;
    std::memcpy(&bytes, word.data() + i, 8);
    add(bytes);
  }
  std::uint64_t rest = 0;
  std::memcpy(&rest, word.data() + i, word.size() - i);
  add(rest);
  return state | 1;
}

std::size_t WordCache::find_long(std::string_view word, std::uint64_t hash, std::uint32_t* out) const noexcept {
  const LongSlot& slot = long_slots_[hash >> (64 - kLongBits)];
  if (slot.hash != hash || slot.length != word.size()) return 0;
  const char* const tokens = arena_.data() + slot.offset;
  if (std::memcmp(tokens + slot.count * sizeof(std::uint32_t), word.data(), word.size()) != 0) return 0;
  std::memcpy(out, tokens, slot.count * sizeof(std::uint32_t));
  return slot.count;
}

void WordCache::insert_long(std::string_view word, std::uint64_t hash, const std::uint32_t* tokens,
                            std::size_t count) noexcept {
  const std::size_t size = count * sizeof(std::uint32_t) + word.size();
  if (used_ + size > arena_.size()) {
    std::fill(long_slots_.begin(), long_slots_.end(), LongSlot{});
    used_ = 0;
  }
  std::memcpy(arena_.data() + used_, tokens, count * sizeof(std::uint32_t));
  std::memcpy(arena_.data() + used_ + count * sizeof(std::uint32_t), word.data(), word.size());
  long_slots_[hash >> (64 - kLongBits)] = {hash, static_cast<std::uint32_t>(used_), static_cast<std::uint16_t>(count),
                                           static_cast<std::uint16_t>(word.size())};
  used_ += size;
}

}  // namespace trireme::text
