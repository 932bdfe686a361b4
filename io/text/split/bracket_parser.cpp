#include "io/text/split/bracket_parser.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.hpp"
#include "io/text/unicode_properties.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

using base::str;

constexpr int kDeepest = 50;

/// What was read at one place of a bracket expression.
struct Item {
  enum Kind { kCharacter, kSet, kDash, kOpen, kAnd, kClose } kind;
  std::uint32_t character = 0;
  CodePointSet set = {};
};

class Parser {
 public:
  Parser(std::string_view pattern, std::size_t& position) : pattern_(pattern), i_(position) {}

  BracketExpression read(int depth) {
    if (depth > kDeepest) throw RefusedConstruct{"[ ] nested too deeply"};
    BracketExpression result;
    result.negated = peek() == '^';
    if (result.negated) ++i_;
    if (peek() == ']') throw RefusedConstruct{"[]"};
    Members members;
    for (;;) {
      Item item = next();
      if (item.kind == Item::kDash) item = dash(members);
      if (item.kind == Item::kClose) break;
      if (item.kind == Item::kCharacter) {
        members.add_character(item.character);
      } else if (item.kind == Item::kSet) {
        members.add_set(item.set);
      } else if (item.kind == Item::kAnd) {
        members.next_operand();
      } else if (item.kind == Item::kOpen) {
        const BracketExpression inner = read(depth + 1);
        members.add_nested(inner.negated ? inner.members.complement() : inner.members);
      }
    }
    result.members = members.finish();
    return result;
  }

 private:
  /// Collects members. A character is held back until it is known not to begin a range.
  class Members {
   public:
    enum State { kStart, kValue, kRange, kComplete };
    State state = kStart;
    bool value_is_set = false;

    void add_character(std::uint32_t character) {
      if (state == kRange) {
        if (waiting_ > character) throw RefusedConstruct{"a range that ends before it begins, inside [ ]"};
        ranges_.emplace_back(waiting_, character);
        state = kComplete;
        return;
      }
      flush();
      waiting_ = character;
      value_is_set = false;
      state = kValue;
    }
    void add_set(const CodePointSet& set) {
      if (state == kRange) throw RefusedConstruct{"a range that ends with a class, inside [ ]"};
      flush();
      append(set);
      value_is_set = true;
      state = kValue;
    }
    void add_nested(const CodePointSet& set) {
      if (state == kRange) throw RefusedConstruct{"a range that ends with [ ], inside [ ]"};
      flush();
      append(set);
      state = kComplete;
    }
    void next_operand() {
      if (state == kRange) throw RefusedConstruct{"a range that ends with &&, inside [ ]"};
      flush();
      CodePointSet operand(std::move(ranges_));
      before_ = before_ ? *before_ & operand : operand;
      ranges_.clear();
      state = kStart;
    }
    CodePointSet finish() {
      next_operand();
      return *before_;
    }

   private:
    void flush() {
      if (state == kValue && !value_is_set) ranges_.emplace_back(waiting_, waiting_);
    }
    void append(const CodePointSet& set) { ranges_.insert(ranges_.end(), set.ranges().begin(), set.ranges().end()); }
    std::vector<CodePointSet::Range> ranges_;
    std::optional<CodePointSet> before_;
    std::uint32_t waiting_ = 0;
  };

  char peek(std::size_t ahead = 0) const { return i_ + ahead < pattern_.size() ? pattern_[i_ + ahead] : '\0'; }

  /// Decides what a '-' that was just read stands for: itself, or a range; then returns the item behind it.
  Item dash(Members& members) {
    Item itself{Item::kCharacter, '-'};
    if (members.state != Members::kValue) return itself;
    if (peek() == ']' || (peek() == '&' && peek(1) == '&')) return itself;
    if (members.value_is_set) throw RefusedConstruct{"a range that begins with a class, inside [ ]"};
    members.state = Members::kRange;
    Item end = next();
    if (end.kind == Item::kDash) end = itself;
    return end;
  }

  Item next() {
    if (i_ >= pattern_.size()) throw RefusedConstruct{"[ without ]"};
    const char c = pattern_[i_];
    if (c == '\\') return escape();
    if (c == '[') return open();
    if (c == '&' && peek(1) == '&') {
      i_ += 2;
      return {Item::kAnd};
    }
    const CodePoint point = decode_code_point(pattern_.data() + i_);
    i_ += point.length;
    if (c == ']') return {Item::kClose};
    if (c == '-') return {Item::kDash};
    return {Item::kCharacter, point.value};
  }

  Item open() {
    ++i_;
    if (peek() != ':') return {Item::kOpen};
    const std::size_t end = pattern_.find(":]", i_ + 1);
    if (end == std::string_view::npos) throw RefusedConstruct{"[: inside [ ]"};
    std::string_view name = pattern_.substr(i_ + 1, end - i_ - 1);
    const bool negated = name.starts_with('^');
    if (negated) name.remove_prefix(1);
    const auto set = posix_class(name);
    if (!set) throw RefusedConstruct{"[: inside [ ]"};
    i_ = end + 2;
    return {Item::kSet, 0, negated ? set->complement() : *set};
  }

  Item escape() {
    const char c = peek(1);
    const auto set = [this](const char* property, bool negated) -> Item {
      i_ += 2;
      const CodePointSet members = unicode_property(property).value();
      return {Item::kSet, 0, negated ? members.complement() : members};
    };
    switch (c) {
      case '\0': throw RefusedConstruct{"\\ at its end"};
      case 'w':
      case 'W': return set("word", c == 'W');
      case 'd':
      case 'D': return set("nd", c == 'D');
      case 's':
      case 'S': return set("whitespace", c == 'S');
      case 'h':
      case 'H': return set("xdigit", c == 'H');
      default: break;
    }
    if ((c == 'p' || c == 'P') && peek(2) == '{') {
      const PropertyEscape property = read_property(pattern_, i_);
      return {Item::kSet, 0, property.negated ? property.members.complement() : property.members};
    }
    if (c == 'x' || c == 'u') return {Item::kCharacter, read_code_point_escape(pattern_, i_)};
    if ((c >= '0' && c <= '9') || c == 'c' || c == 'C' || c == 'M' || c == 'o') {
      throw RefusedConstruct{str("\\", c, " inside [ ]")};
    }
    ++i_;
    const CodePoint point = decode_code_point(pattern_.data() + i_);
    i_ += point.length;
    constexpr std::string_view kLetters = "ntrfabev", kControls = "\n\t\r\f\a\b\x1B\v";
    const std::size_t control = kLetters.find(c);
    if (control != std::string_view::npos) return {Item::kCharacter, static_cast<std::uint32_t>(kControls[control])};
    return {Item::kCharacter, point.value};
  }

  std::string_view pattern_;
  std::size_t& i_;
};

}  // namespace

BracketExpression read_bracket(std::string_view pattern, std::size_t& position) {
  return Parser(pattern, position).read(0);
}

PropertyEscape read_property(std::string_view pattern, std::size_t& position) {
  const std::size_t close = pattern.find('}', position);
  if (close == std::string_view::npos) throw RefusedConstruct{std::string(pattern.substr(position, 3))};
  PropertyEscape result;
  result.negated = pattern[position + 1] == 'P';
  std::string_view name = pattern.substr(position + 3, close - position - 3);
  if (name.starts_with('^')) {
    name.remove_prefix(1);
    result.negated = !result.negated;
  }
  const auto members = unicode_property(name);
  if (!members) throw RefusedConstruct{std::string(pattern.substr(position, close + 1 - position))};
  result.members = *members;
  result.is_word = result.members == *unicode_property("word");
  position = close + 1;
  return result;
}

std::uint32_t read_code_point_escape(std::string_view pattern, std::size_t& position) {
  const bool braces = pattern.substr(position, 3) == "\\x{";
  const std::size_t begin = position + (braces ? 3 : 2);
  const std::size_t most = braces ? 8 : pattern.substr(position, 2) == "\\u" ? 4 : 2;
  const char* const first = pattern.data() + begin;
  const char* const last = first + std::min(most, pattern.size() - std::min(begin, pattern.size()));
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value, 16);
  const std::size_t after = begin + static_cast<std::size_t>(end - first);
  const bool whole = braces ? after < pattern.size() && pattern[after] == '}' : most != 4 || end - first == 4;
  // Two digits stand for a byte, not a character: above 0x7F a character takes more bytes.
  const bool character = value <= (most == 2 ? 0x7FU : kLastCodePoint) && (value < 0xD800 || value > 0xDFFF);
  if (error != std::errc() || end == first || !whole || !character) {
    throw RefusedConstruct{std::string(pattern.substr(position, 12))};
  }
  position = after + (braces ? 1 : 0);
  return value;
}

}  // namespace trireme::text
