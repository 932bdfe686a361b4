#include "io/text/utf8.hpp"

#include <cstring>

namespace trireme::text {
namespace {

struct Sequence {
  std::uint32_t length;  // bytes that belong together: the whole sequence, or the maximal subpart of a malformed one
  bool well_formed;
  bool cut_off;  // malformed only because the bytes end
};

/// The sequence that begins at `p` (p < end, *p >= 0x80).
Sequence read_sequence(const unsigned char* p, const unsigned char* end) noexcept {
  const unsigned first = p[0];
  unsigned low = 0x80, high = 0xBF;
  std::uint32_t length = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
  } else {
    return {1, false, false};
  }
  for (std::uint32_t i = 1; i < length; ++i) {
    if (p + i == end) return {i, false, true};
    if (p[i] < low || p[i] > high) return {i, false, false};
    low = 0x80;
    high = 0xBF;
  }
  return {length, true, false};
}

/// The length of the well-formed prefix.
std::size_t well_formed_prefix(const unsigned char* begin, const unsigned char* end) noexcept {
  const unsigned char* p = begin;
  while (p < end) {
    if (end - p >= 32) {
      std::uint64_t words[4];
      std::memcpy(words, p, sizeof words);
      if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080ULL) == 0) {
        p += sizeof words;
        continue;
      }
    }
    if (*p < 0x80) {
      ++p;
      continue;
    }
    const Sequence sequence = read_sequence(p, end);
    if (!sequence.well_formed) break;
    p += sequence.length;
  }
  return static_cast<std::size_t>(p - begin);
}

}  // namespace

std::size_t find_malformed_utf8(std::string_view text) noexcept {
  const auto* begin = reinterpret_cast<const unsigned char*>(text.data());
  return well_formed_prefix(begin, begin + text.size());
}

std::uint64_t append_valid_utf8(std::string_view bytes, bool final, std::string& out, std::size_t* unused) {
  std::uint64_t replaced = 0;
  *unused = 0;
  while (true) {
    const std::size_t good = find_malformed_utf8(bytes);
    out.append(bytes.substr(0, good));
    bytes.remove_prefix(good);
    if (bytes.empty()) return replaced;
    const auto* begin = reinterpret_cast<const unsigned char*>(bytes.data());
    const Sequence sequence = read_sequence(begin, begin + bytes.size());
    if (sequence.cut_off && !final) {
      *unused = bytes.size();
      return replaced;
    }
    out.append("\xEF\xBF\xBD");
    ++replaced;
    bytes.remove_prefix(sequence.length);
  }
}

std::string_view replace_malformed_utf8(std::string_view text, std::string& storage) {
  if (find_malformed_utf8(text) == text.size()) return text;
  storage.clear();
  storage.reserve(text.size() + text.size() / 8 + 16);
  std::size_t unused = 0;
  append_valid_utf8(text, true, storage, &unused);
  return storage;
}

void append_code_point(std::uint32_t value, std::string& out) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | value >> 6);
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3F));
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

}  // namespace trireme::text
