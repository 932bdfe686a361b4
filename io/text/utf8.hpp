// UTF-8: checks well-formedness (Unicode 16.0, table 3-7) and decodes well-formed text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace trireme::text {

/// The offset of the first byte that begins no well-formed sequence, or text.size().
std::size_t find_malformed_utf8(std::string_view text) noexcept;

/// Returns `text` itself when it is well-formed. Otherwise fills `storage` with the text in which U+FFFD stands for
/// each maximal subpart of a malformed sequence, and returns that.
std::string_view replace_malformed_utf8(std::string_view text, std::string& storage);

/// Appends `bytes` to `out`, with U+FFFD in place of each maximal subpart as above, and returns how many. For bytes
/// that come in parts: with `final` false a character that is cut off at the end is left out, and `*unused` is its
/// length (0 to 3); put these bytes in front of the next part. With `final` true it is replaced, and `*unused` is 0.
/// Example: "a\xE2\x82" with `final` gives "a\uFFFD", 1 replacement.
std::uint64_t append_valid_utf8(std::string_view bytes, bool final, std::string& out, std::size_t* unused);

struct CodePoint {
  std::uint32_t value;
  std::uint32_t length;  ///< bytes
};

/// Decodes the code point that begins at `p`; the text must be well-formed.
inline CodePoint decode_code_point(const char* p) noexcept {
  const auto byte = [p](int i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(p[i])); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {(first & 0x1F) << 6 | (byte(1) & 0x3F), 2};
  if (first < 0xF0) return {(first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
  return {(first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

/// Appends the UTF-8 form of a code point below 0x110000.
void append_code_point(std::uint32_t value, std::string& out);

}  // namespace trireme::text
