// How Python and its json module write texts and numbers.
#include <charconv>
#include <cmath>
#include <cstdio>

#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

void append_hex(std::uint32_t value, int digits, std::string& out) {
  char text[16];
  std::snprintf(text, sizeof text, "%0*x", digits, value);
  out += text;
}

}  // namespace

std::string repr_text(std::string_view text) {
  const char quote = text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string result(1, quote);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = next_code_point(text, at);
    if (point == static_cast<std::uint32_t>(quote) || point == '\\') {
      result += '\\';
      result += static_cast<char>(point);
    } else if (point == '\n' || point == '\r' || point == '\t') {
      result += point == '\n' ? "\\n" : point == '\r' ? "\\r" : "\\t";
    } else if (is_printable(point)) {
      result += text.substr(begin, at - begin);
    } else {
      result += point < 0x100 ? "\\x" : point < 0x10000 ? "\\u" : "\\U";
      append_hex(point, point < 0x100 ? 2 : point < 0x10000 ? 4 : 8, result);
    }
  }
  return result + quote;
}

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::scientific).ptr;
  const std::string spelled(digits, end);  // 1.5e+16
  const std::size_t e = spelled.find('e');
  const int power = std::atoi(spelled.c_str() + e + 1);
  if (power < -4 || power >= 16) {
    char tail[16];
    std::snprintf(tail, sizeof tail, "e%c%02d", power < 0 ? '-' : '+', std::abs(power));
    return spelled.substr(0, e) + tail;
  }
  const auto fixed = std::to_chars(digits, digits + sizeof digits, value, std::chars_format::fixed).ptr;
  std::string result(digits, fixed);
  if (result.find('.') == std::string::npos) result += ".0";
  return result;
}

void append_json_text(std::string_view text, bool ascii_only, std::string& out) {
  out += '"';
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const std::uint32_t point = next_code_point(text, at);
    constexpr std::string_view kNamed = "\"\\\n\r\t\f\b", kLetters = "\"\\nrtfb";
    const std::size_t named = point < 0x80 ? kNamed.find(static_cast<char>(point)) : std::string_view::npos;
    if (named != std::string_view::npos) {
      out += '\\';
      out += kLetters[named];
    } else if (point >= 0x10000 && ascii_only) {
      out += "\\u";
      append_hex(0xD800 + ((point - 0x10000) >> 10), 4, out);
      out += "\\u";
      append_hex(0xDC00 + ((point - 0x10000) & 0x3FF), 4, out);
    } else if (point < 0x20 || (point > 0x7E && ascii_only)) {
      out += "\\u";
      append_hex(point, 4, out);
    } else {
      out += text.substr(begin, at - begin);
    }
  }
  out += '"';
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '&': result += "&amp;"; break;
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '\'': result += "&#39;"; break;
      case '"': result += "&#34;"; break;
      default: result += c;
    }
  }
  return result;
}

}  // namespace trireme::jinja
