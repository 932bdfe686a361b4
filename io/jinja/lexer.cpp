#include "io/jinja/lexer.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool word(char c) { return digit(c) || c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "\r\n" and "\r" become "\n", and one newline at the end goes, as Jinja2 reads a file.
std::string with_newlines(const std::string& source) {
  std::string text;
  text.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
    } else {
      text += '\n';
      if (source.substr(i + 1, 1) == "\n") ++i;
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(const std::string& source) : text_(with_newlines(source)) {}

  std::vector<Token> run() {
    while (at_ < text_.size()) root();
    add(TokenKind::kEnd);
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw SyntaxError{line_, message}; }
  bool here(std::string_view wanted) const { return std::string_view(text_).substr(at_).starts_with(wanted); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  Token& add(TokenKind kind, std::string text = "") {
    Token token;
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    return tokens_.emplace_back(std::move(token));
  }

  // Moves on to byte `to`, counting lines.
  void advance(std::size_t to) {
    line_ += static_cast<std::uint32_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                                   text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    line_starting_ = to > at_ ? text_[to - 1] == '\n' : line_starting_;
    at_ = to;
  }

  std::size_t after_space(std::size_t at) const {
    while (at < text_.size()) {
      std::size_t next = at;
      if (!is_space(next_code_point(text_, next))) break;
      at = next;
    }
    return at;
  }

  // The text up to the tag at `tag`, whose white space control is `sign`.
  void data_before(std::size_t tag, char sign, bool print) {
    std::string_view data = std::string_view(text_).substr(at_, tag - at_);
    if (sign == '-') {
      data = strip(data, Side::kRight, nullptr);
    } else if (sign != '+' && !print) {
      const std::size_t newline = data.rfind('\n');
      const std::size_t begin = newline == std::string_view::npos ? 0 : newline + 1;
      const bool blank = begin < data.size() && strip(data.substr(begin), Side::kBoth, nullptr).empty();
      if ((begin > 0 || line_starting_) && blank) data = data.substr(0, begin);
    }
    if (!data.empty()) add(TokenKind::kData, std::string(data));
    advance(tag);
  }

  char sign_at(std::size_t at) const {
    const char c = at < text_.size() ? text_[at] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  // The end of "raw %}" behind "{%" and its sign at `at`, or 0 when another tag begins there.
  std::size_t raw_begin(std::size_t at) const {
    at = after_space(at);
    if (std::string_view(text_).substr(at, 3) != "raw") return 0;
    at = after_space(at + 3);
    if (std::string_view(text_).substr(at, 3) == "-%}") return after_space(at + 3);
    return std::string_view(text_).substr(at, 2) == "%}" ? at + 2 : 0;
  }

  void root() {
    std::size_t tag = at_;
    for (;; ++tag) {
      tag = text_.find('{', tag);
      if (tag == std::string::npos || tag + 1 >= text_.size()) {
        add(TokenKind::kData, text_.substr(at_));
        advance(text_.size());
        return;
      }
      if (const char c = text_[tag + 1]; c == '{' || c == '%' || c == '#') break;
    }
    const char what = text_[tag + 1];
    const char sign = sign_at(tag + 2);
    const std::size_t inside = tag + 2 + (sign == '\0' ? 0 : 1);
    data_before(tag, sign, what == '{');
    if (what == '#') {
      comment(inside);
    } else if (const std::size_t raw = what == '%' ? raw_begin(inside) : 0; raw != 0) {
      advance(raw);
      raw_text();
    } else {
      add(what == '{' ? TokenKind::kPrint : TokenKind::kBlock);
      advance(inside);
      expression(what == '{');
    }
  }

  // Where the text goes on behind an end whose sign ("-", "+" or none) is already passed and whose mark ends at `at`.
  std::size_t behind_end(std::size_t at, char sign) const {
    if (sign == '-') return after_space(at);
    return sign == '\0' && at < text_.size() && text_[at] == '\n' ? at + 1 : at;
  }

  void comment(std::size_t inside) {
    if (inside == text_.size()) return advance(inside);  // Jinja2 accepts a beginning at the very end
    const std::size_t end = text_.find("#}", inside);
    if (end == std::string::npos) fail("a comment {# has no end #}");
    const char sign = end > inside ? sign_at(end - 1) : '\0';
    advance(behind_end(end + 2, sign));
  }

  void raw_text() {
    if (at_ == text_.size()) return;  // as for comments
    for (std::size_t tag = at_; (tag = text_.find("{%", tag)) != std::string::npos; ++tag) {
      const char sign = sign_at(tag + 2);
      std::size_t at = after_space(tag + 2 + (sign == '\0' ? 0 : 1));
      if (std::string_view(text_).substr(at, 6) != "endraw") continue;
      at = after_space(at + 6);
      const char end_sign = sign_at(at);
      if (end_sign != '\0') ++at;
      if (std::string_view(text_).substr(at, 2) != "%}") continue;
      data_before(tag, sign, false);
      advance(behind_end(at + 2, end_sign));
      return;
    }
    fail("{% raw %} has no {% endraw %}");
  }

  void expression(bool print) {
    std::string open;  // the brackets around the present place
    for (;;) {
      if (at_ >= text_.size()) fail(print ? "{{ has no end }}" : "{% has no end %}");
      if (open.empty()) {
        const bool minus = here(print ? "-}}" : "-%}");
        const bool plus = !print && here("+%}");
        if (minus || plus || here(print ? "}}" : "%}")) {
          add(print ? TokenKind::kPrintEnd : TokenKind::kBlockEnd);
          const std::size_t end = at_ + (minus || plus ? 3 : 2);
          advance(minus ? after_space(end) : plus || print ? end : behind_end(end, '\0'));
          return;
        }
      }
      if (const std::size_t next = after_space(at_); next != at_) {
        advance(next);
      } else if (digit(peek())) {
        number();
      } else if (word(peek())) {
        std::size_t end = at_;
        while (end < text_.size() && word(text_[end])) ++end;
        add(TokenKind::kName, text_.substr(at_, end - at_));
        advance(end);
      } else if (peek() == '"' || peek() == '\'') {
        string();
      } else {
        operation(open);
      }
    }
  }

  // The end of digits that begin at `at`, with single "_" between them; `at` itself when there are none.
  template <typename IsDigit>
  std::size_t digits(std::size_t at, IsDigit is_digit) const {
    std::size_t end = at;
    while (end < text_.size()) {
      if (is_digit(text_[end])) {
        ++end;
      } else if (end > at && text_[end] == '_' && end + 1 < text_.size() && is_digit(text_[end + 1])) {
        end += 2;
      } else {
        break;
      }
    }
    return end;
  }

  std::string without_underscores(std::size_t end) const {
    std::string spelled = text_.substr(at_, end - at_);
    std::erase(spelled, '_');
    return spelled;
  }

  void number() {
    const std::size_t whole = digits(at_, digit);
    std::size_t end = whole;
    if (end + 1 < text_.size() && text_[end] == '.' && digit(text_[end + 1])) end = digits(end + 1, digit);
    if (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      const std::size_t power = end + 1 + (end + 1 < text_.size() && (text_[end + 1] == '+' || text_[end + 1] == '-'));
      if (power < text_.size() && digit(text_[power])) end = digits(power, digit);
    }
    // The number of "x.0.5" is 0 and then 5.
    if (end != whole && !(at_ > 0 && text_[at_ - 1] == '.')) {
      add(TokenKind::kFloat).floating = std::strtod(without_underscores(end).c_str(), nullptr);
      return advance(end);
    }
    integer(whole);
  }

  void integer(std::size_t end) {
    int base = 10;
    std::size_t skip = 0;
    const char letter = peek() == '0' ? static_cast<char>(peek(1) | 0x20) : '\0';
    const auto is_digit = [&](char c) {
      if (base == 2) return c == '0' || c == '1';
      if (base == 8) return c >= '0' && c <= '7';
      return digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    };
    if (letter == 'b' || letter == 'o' || letter == 'x') {
      base = letter == 'b' ? 2 : letter == 'o' ? 8 : 16;
      const std::size_t stop = digits(at_ + 2, is_digit);
      if (stop > at_ + 2) {
        skip = 2;
        end = stop;
      } else {
        base = 10;
        end = at_ + 1;
      }
    } else if (peek() == '0') {  // "007" is 00 and then 7, which no expression can be
      end = digits(at_, [](char c) { return c == '0'; });
    }
    const std::string spelled = without_underscores(end).substr(skip);
    std::int64_t value = 0;
    const auto [rest, error] = std::from_chars(spelled.data(), spelled.data() + spelled.size(), value, base);
    if (error != std::errc()) fail("the number " + spelled + " does not fit into 64 bits");
    add(TokenKind::kInteger).integer = value;
    advance(end);
  }

  void string() {
    const char quote = peek();
    std::string value;
    std::size_t i = at_ + 1;
    for (;;) {
      if (i >= text_.size()) fail("a string has no end");
      const char c = text_[i];
      if (c == quote) break;
      if (c == '\\') {
        i = escape(i + 1, value);
      } else {
        value += c;
        ++i;
      }
    }
    add(TokenKind::kString, std::move(value));
    advance(i + 1);
  }

  // Appends what the escape whose backslash is before `i` means; returns where the string goes on.
  std::size_t escape(std::size_t i, std::string& value) const {
    if (i >= text_.size()) fail("a string has no end");
    const char c = text_[i];
    constexpr std::string_view kLetters = "abfnrtv\\'\"", kMeant = "\a\b\f\n\r\t\v\\'\"";
    if (const std::size_t known = kLetters.find(c); known != std::string_view::npos) {
      value += kMeant[known];
      return i + 1;
    }
    if (c == '\n') return i + 1;
    if (c == 'N') fail("\\N in a string is not supported: write the character itself");
    const bool octal = c >= '0' && c <= '7';
    const std::size_t wanted = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : octal ? 3 : 0;
    if (wanted == 0) {
      value += '\\';
      return i;
    }
    const std::size_t begin = octal ? i : i + 1;
    std::size_t end = begin;
    const auto fits = [&](char d) {
      return octal ? d >= '0' && d <= '7' : digit(d) || ((d | 0x20) >= 'a' && (d | 0x20) <= 'f');
    };
    while (end < text_.size() && end - begin < wanted && fits(text_[end])) ++end;
    std::uint32_t point = 0;
    std::from_chars(text_.data() + begin, text_.data() + end, point, octal ? 8 : 16);
    const bool half = point >= 0xD800 && point <= 0xDFFF;
    if ((!octal && end - begin != wanted) || half || point > 0x10FFFF) fail("an escape in a string is no character");
    append_code_point(point, value);
    return end;
  }

  void operation(std::string& open) {
    static constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                      "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                      ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    const auto* const found = std::ranges::find_if(kOperators, [&](std::string_view op) { return here(op); });
    if (found == std::end(kOperators)) {
      std::size_t end = at_;
      next_code_point(text_, end);
      fail("unexpected character " + repr_text(std::string_view(text_).substr(at_, end - at_)));
    }
    const char c = found->front();
    if (c == '(') open += ')';
    if (c == '[') open += ']';
    if (c == '{') open += '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) fail(std::string("unexpected '") + c + "'");
      open.pop_back();
    }
    add(TokenKind::kOperator, std::string(*found));
    advance(at_ + found->size());
  }

  std::string text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(const std::string& source) { return Lexer(source).run(); }

}  // namespace trireme::jinja
