#include "base/printable.hpp"

#include <cstdint>
#include <cstdio>

namespace trireme::base {
namespace {

/// The first code point of a text; `length` is 0 when the text does not begin with well-formed UTF-8.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;
};

CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 && lead <= 0xF4 ? 4 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xC2 ? 2 : 0;
  if (lead > 0xF4 || length == 0 || text.size() < length) return {};
  std::uint32_t value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    value = value << 6 | (byte(i) & 0x3FU);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < kSmallest[length] || surrogate || value > 0x10FFFF) return {};
  return {value, length};
}

bool in(std::uint32_t value, std::uint32_t first, std::uint32_t last) { return value >= first && value <= last; }

/// Whether a terminal acts on the code point: C1 controls, U+2028, U+2029, and marks that change the text direction.
bool is_obeyed(std::uint32_t value) {
  return in(value, 0x80, 0x9F) || value == 0x61C || in(value, 0x200E, 0x200F) || in(value, 0x2028, 0x202E) ||
         in(value, 0x2066, 0x2069);
}

bool is_control(std::uint32_t value) { return value < 0x20 || value == 0x7F; }

bool kept(char c, Keep keep) {
  if (c == '\n') return keep != Keep::kNothing;
  return c == '\t' && keep == Keep::kNewlinesAndTabs;
}

void add_escape(std::string& text, const char* format, std::uint32_t value) {
  char escape[16];
  std::snprintf(escape, sizeof escape, format, static_cast<unsigned>(value));
  text += escape;
}

}  // namespace

std::string printable(std::string_view text, Keep keep) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const std::size_t length = point.length == 0 ? 1 : point.length;
    if (point.length == 0 || (is_control(point.value) && !kept(text[0], keep))) {
      add_escape(result, "\\x%02X", static_cast<unsigned char>(text[0]));
    } else if (is_obeyed(point.value)) {
      add_escape(result, "\\u{%04X}", point.value);
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string printable_json(std::string_view json) {
  std::string result;
  result.reserve(json.size());
  while (!json.empty()) {
    const CodePoint point = first_code_point(json);
    const std::size_t length = point.length == 0 ? 1 : point.length;
    if (point.length != 0 && (is_obeyed(point.value) || point.value == 0x7F)) {
      add_escape(result, "\\u%04x", point.value);
    } else {
      result += json.substr(0, length);
    }
    json.remove_prefix(length);
  }
  return result;
}

}  // namespace trireme::base
