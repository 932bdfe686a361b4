#include "io/text/json_scanner.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

/// The value of four hexadecimal digits at `at`, or -1.
int hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

bool high_half(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool low_half(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// Reads the \u escape whose backslash is at `at`: code point and length. For half of a pair the length is 6.
CodePoint unicode_escape(std::string_view text, std::size_t at) {
  const int unit = hex4(text, at + 2);
  if (high_half(unit) && text.substr(at + 6, 2) == "\\u") {
    const int low = hex4(text, at + 8);
    if (low_half(low)) return {static_cast<std::uint32_t>(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00)), 12};
  }
  return {static_cast<std::uint32_t>(unit), 6};
}

bool half(std::uint32_t value) { return value >= 0xD800 && value <= 0xDFFF; }

class Scanner {
 public:
  /// `strict`: where to write the text as strict_json() describes; null = nowhere.
  Scanner(std::string_view text, const JsonMember& member, std::string* strict)
      : text_(text), member_(member), strict_(strict) {}

  JsonText scan() {
    space();
    const bool object = peek() == '{';
    if (!value() || !rest()) return JsonText::kMalformed;
    space();
    if (i_ != text_.size()) return JsonText::kMalformed;
    return object ? JsonText::kObject : JsonText::kOther;
  }

  /// Where a fault was found: the text before it was written, and the caller copies the rest unchanged.
  std::size_t position() const { return i_; }

 private:
  char peek() const { return i_ < text_.size() ? text_[i_] : '\0'; }
  void skip(std::size_t n) {
    if (strict_) strict_->append(text_, i_, n);
    i_ += n;
  }
  void space() {
    while (i_ < text_.size() && (text_[i_] == ' ' || text_[i_] == '\t' || text_[i_] == '\n' || text_[i_] == '\r'))
      skip(1);
  }
  bool word(std::string_view word, const char* instead) {
    if (text_.substr(i_, word.size()) != word) return false;
    if (strict_) *strict_ += instead;
    i_ += word.size();
    return true;
  }

  /// Reads everything after a value until all brackets are closed.
  bool rest() {
    while (!open_.empty()) {
      const char closer = open_.back() == '{' ? '}' : ']';
      if (open_.size() == 1 && open_[0] == '{' && member_) member_(key_, text_.substr(value_begin_, i_ - value_begin_));
      space();
      if (peek() == closer) {
        skip(1);
        open_.pop_back();
      } else if (peek() == ',') {
        skip(1);
        space();
        if (!element()) return false;
      } else {
        return false;
      }
    }
    return true;
  }

  /// Reads a member of an object, or an element of an array, up to its end or to its first inner element that is not a
  /// bracket.
  bool element() { return (open_.back() != '{' || key()) && value(); }

  /// Reads a member's key and its colon.
  bool key() {
    const std::size_t begin = i_;
    if (!string()) return false;
    if (open_.size() == 1) key_ = text_.substr(begin + 1, i_ - begin - 2);
    space();
    if (peek() != ':') return false;
    skip(1);
    space();
    if (open_.size() == 1) value_begin_ = i_;
    return true;
  }

  bool value() {
    const char c = peek();
    if (c == '{' || c == '[') return open(c);
    if (c == '"') return string();
    if (c == '-' || (c >= '0' && c <= '9')) return number();
    return word("true", "true") || word("false", "false") || word("null", "null") || word("NaN", "null") ||
           word("Infinity", "null");
  }

  bool open(char c) {
    for (;;) {
      skip(1);
      space();
      if (peek() == (c == '{' ? '}' : ']')) {
        skip(1);
        return true;
      }
      open_.push_back(c);
      if (c == '{' && !key()) return false;
      c = peek();
      if (c != '{' && c != '[') return value();
    }
  }

  bool string() {
    if (peek() != '"') return false;
    skip(1);
    for (;;) {
      std::size_t end = i_;
      while (end < text_.size() && text_[end] != '"' && text_[end] != '\\') {
        if (static_cast<unsigned char>(text_[end]) < 0x20) return false;
        ++end;
      }
      skip(end - i_);
      if (i_ >= text_.size()) return false;
      if (peek() == '"') {
        skip(1);
        return true;
      }
      if (!escape()) return false;
    }
  }

  bool escape() {
    const char c = i_ + 1 < text_.size() ? text_[i_ + 1] : '\0';
    if (c != 'u') {
      if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos) return false;
      skip(2);
      return true;
    }
    if (hex4(text_, i_ + 2) < 0) return false;
    const CodePoint point = unicode_escape(text_, i_);
    if (half(point.value)) {
      if (strict_) *strict_ += kHalfSurrogate;
      i_ += point.length;
    } else {
      skip(point.length);
    }
    return true;
  }

  bool number() {
    if (word("-Infinity", "null")) return true;
    std::size_t end = i_;
    const auto digits = [&] {
      const std::size_t begin = end;
      while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
      return end - begin;
    };
    if (text_[end] == '-') ++end;
    const bool zero = end < text_.size() && text_[end] == '0';
    const std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (end < text_.size() && text_[end] == '.') {
      ++end;
      if (digits() == 0) return false;
    }
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      ++end;
      if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
      if (digits() == 0) return false;
    }
    if (strict_ && std::isinf(std::strtod(std::string(text_.substr(i_, end - i_)).c_str(), nullptr))) {
      *strict_ += "null";
      i_ = end;
    } else {
      skip(end - i_);
    }
    return true;
  }

  std::string_view text_;
  const JsonMember& member_;
  std::string* strict_;
  std::size_t i_ = 0;
  std::vector<char> open_;  // the brackets around the present place
  std::string_view key_;    // the last key of the outermost object
  std::size_t value_begin_ = 0;
};

}  // namespace

JsonText scan_json(std::string_view text, const JsonMember& member) { return Scanner(text, member, nullptr).scan(); }

std::uint64_t append_json_string(std::string_view spelled, std::string& out) {
  std::uint64_t halves = 0;
  for (std::size_t i = 0; i < spelled.size();) {
    const std::size_t end = std::min(spelled.find('\\', i), spelled.size());
    out.append(spelled, i, end - i);
    i = end;
    if (i >= spelled.size()) break;
    if (spelled[i + 1] == 'u') {
      const CodePoint point = unicode_escape(spelled, i);
      halves += half(point.value);
      append_code_point(half(point.value) ? 0xFFFD : point.value, out);
      i += point.length;
      continue;
    }
    constexpr std::string_view kLetters = "bfnrt", kControls = "\b\f\n\r\t";
    const std::size_t control = kLetters.find(spelled[i + 1]);
    out.push_back(control == std::string_view::npos ? spelled[i + 1] : kControls[control]);
    i += 2;
  }
  return halves;
}

std::string strict_json(std::string_view text) {
  std::string strict;
  strict.reserve(text.size());
  const JsonMember nobody;
  Scanner scanner(text, nobody, &strict);
  if (scanner.scan() == JsonText::kMalformed) strict.append(text.substr(scanner.position()));
  return strict;
}

}  // namespace trireme::text
