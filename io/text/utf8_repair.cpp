#include "io/text/utf8_repair.hpp"

#include <cstring>

namespace trireme::text {
namespace {

struct Character {
  std::size_t length;  // bytes that belong together
  bool valid;
  bool cut_off;  // well-formed so far, but the bytes end
};

// Table 3-7 of Unicode 15: the allowed second bytes depend on the first; all later ones are 80..BF.
Character next_character(const unsigned char* at, std::size_t left) {
  const unsigned char lead = at[0];
  if (lead < 0x80) return {1, true, false};
  if (lead < 0xC2 || lead > 0xF4) return {1, false, false};
  const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (std::size_t i = 1; i < length; ++i) {
    if (i == left) return {i, false, true};
    if (at[i] < low || at[i] > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

std::size_t ascii_length(const unsigned char* at, std::size_t left) {
  std::size_t length = 0;
  while (length + 8 <= left) {
    std::uint64_t word;
    std::memcpy(&word, at + length, 8);
    if ((word & 0x8080808080808080ULL) != 0) break;
    length += 8;
  }
  while (length < left && at[length] < 0x80) ++length;
  return length;
}

}  // namespace

std::uint64_t append_valid_utf8(std::string_view bytes, bool final, std::string& out, std::size_t* unused) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::uint64_t replaced = 0;
  std::size_t good = 0;  // start of the valid bytes not yet appended
  std::size_t at = 0;
  *unused = 0;
  while (at < bytes.size()) {
    at += ascii_length(data + at, bytes.size() - at);
    if (at == bytes.size()) break;
    const Character character = next_character(data + at, bytes.size() - at);
    if (!character.valid) {
      out.append(bytes.substr(good, at - good));
      good = at + character.length;
      if (character.cut_off && !final) {
        *unused = character.length;
        return replaced;
      }
      out.append("\xEF\xBF\xBD");
      ++replaced;
    }
    at += character.length;
  }
  out.append(bytes.substr(good));
  return replaced;
}

}  // namespace trireme::text
