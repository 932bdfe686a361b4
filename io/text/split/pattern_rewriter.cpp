#include "io/text/split/pattern_rewriter.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "io/text/split/bracket_parser.hpp"
#include "io/text/unicode_properties.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

using base::str;

constexpr std::size_t kLongest = 16384;

class PatternRewriter {
 public:
  explicit PatternRewriter(std::string_view pattern) : in_(pattern) {}

  std::string rewrite() {
    while (i_ < in_.size()) {
      const char c = in_[i_];
      if (c == '\\') {
        escape();
      } else if (c == '[') {
        bracket();
      } else if (c == '(') {
        open();
      } else if (c == ')') {
        if (scopes_.size() > 1) scopes_.pop_back();
        take(1);
      } else if (c == '#' && scopes_.back().extended) {
        take(std::min(in_.find('\n', i_), in_.size() - 1) + 1 - i_);
      } else {
        const CodePoint point = decode_code_point(in_.data() + i_);
        literal(point.value, point.length);
      }
    }
    return std::move(out_);
  }

 private:
  /// The options in force at a place of the pattern.
  struct Scope {
    bool ignore_case = false, extended = false;
  };

  char peek(std::size_t ahead = 0) const { return i_ + ahead < in_.size() ? in_[i_ + ahead] : '\0'; }
  void take(std::size_t n) {
    out_.append(in_, i_, n);
    i_ += n;
  }
  void take_through(std::string_view end) {
    const std::size_t at = in_.find(end, i_);
    if (at == std::string_view::npos) throw RefusedConstruct{str(in_.substr(i_, 3), " without ", end)};
    take(at + end.size() - i_);
  }

  /// Writes a character that takes up `length` bytes of the pattern.
  void literal(std::uint32_t character, std::size_t length) {
    const std::uint32_t other = scopes_.back().ignore_case ? recent_other_case(character) : 0;
    if (other == 0) return take(length);
    i_ += length;
    out_ += str('[', CodePointSet({{character, character}, {other, other}}).bracket_members(), ']');
  }

  void brackets(const CodePointSet& members, bool negated) {
    if (members.empty()) return brackets(CodePointSet({{0, kLastCodePoint}}), !negated);
    out_ += negated ? "[^" : "[";
    out_ += members.bracket_members() + "]";
  }

  /// Writes a class outside brackets; (?i) does not apply to it.
  void bare_class(const CodePointSet& members, bool negated) {
    const bool shield = scopes_.back().ignore_case;
    if (shield) out_ += "(?-i:";
    brackets(members, negated);
    if (shield) out_ += ")";
  }

  void bracket() {
    ++i_;
    BracketExpression expression = read_bracket(in_, i_);
    if (scopes_.back().ignore_case) {
      std::vector<CodePointSet::Range> others;
      const CodePointSet cased = recent_cased();
      for (const auto& [first, last] : cased.ranges()) {
        for (std::uint32_t point = first; point <= last; ++point) {
          if (!expression.members.contains(point)) continue;
          const std::uint32_t other = recent_other_case(point);
          others.emplace_back(other, other);
        }
      }
      expression.members = expression.members | CodePointSet(std::move(others));
    }
    brackets(expression.members, expression.negated);
  }

  static CodePointSet recent_cased() {
    return CodePointSet({{0x19B, 0x19B},
                         {0x264, 0x264},
                         {0x1C89, 0x1C8A},
                         {0xA7CB, 0xA7CD},
                         {0xA7DA, 0xA7DC},
                         {0x10D50, 0x10D65},
                         {0x10D70, 0x10D85}});
  }

  void open() {
    if (peek(1) == '*') throw RefusedConstruct{"(*"};
    const Scope scope = scopes_.back();
    if (peek(1) != '?') {
      scopes_.push_back(scope);
      return take(1);
    }
    const char kind = peek(2);
    if (kind == '#') return comment();
    if (kind == '{') throw RefusedConstruct{"(?{"};
    if (kind == ':' || kind == '=' || kind == '!' || kind == '>' || kind == '~' || kind == '\'' || kind == '<') {
      scopes_.push_back(scope);
      take(3);
      if (kind == '<' && peek() != '=' && peek() != '!') return take_through(">");
      if (kind == '\'') return take_through("'");
      return;
    }
    if (kind == '(') return condition(scope);
    options(scope);
  }

  void comment() {
    take(3);
    while (peek() != ')') {
      if (i_ >= in_.size()) throw RefusedConstruct{"(?# without )"};
      take(peek() == '\\' && i_ + 1 < in_.size() ? 2 : 1);
    }
    take(1);
  }

  /// (?(condition)then|else): two groups are open behind the second parenthesis.
  void condition(const Scope& scope) {
    take(4);
    if (peek() == '?' || peek() == '*') throw RefusedConstruct{str("(?(", peek())};
    scopes_.push_back(scope);
    scopes_.push_back(scope);
    if (peek() == '<') return take_through(">");
    if (peek() == '\'') {
      take(1);
      take_through("'");
    }
  }

  void options(Scope scope) {
    bool value = true;
    std::size_t n = 2;
    for (;; ++n) {
      const char c = peek(n);
      if (c == ')' || c == ':') break;
      if (c == '-') {
        value = false;
      } else if (c == 'i') {
        scope.ignore_case = value;
      } else if (c == 'x') {
        scope.extended = value;
      } else if (c != 'm') {
        throw RefusedConstruct{std::string(in_.substr(i_, n + 1))};
      }
    }
    if (peek(n) == ')') {
      scopes_.back() = scope;  // up to the end of the group that it stands in
    } else {
      scopes_.push_back(scope);
    }
    take(n + 1);
  }

  void escape() {
    const char c = peek(1);
    switch (c) {
      case '\0': throw RefusedConstruct{"\\ at its end"};
      case 'w':
      case 'W': i_ += 2; return bare_class(bare_word(), c == 'W');
      case 'd':
      case 'D': i_ += 2; return bare_class(unicode_property("nd").value(), c == 'D');
      case 's':
      case 'S': i_ += 2; return bare_class(unicode_property("whitespace").value(), c == 'S');
      case 'h':
      case 'H': i_ += 2; return bare_class(unicode_property("xdigit").value(), c == 'H');
      case 'b':
      case 'B': i_ += 2; return word_boundary(c == 'B');
      default: break;
    }
    if ((c == 'p' || c == 'P') && peek(2) == '{') {
      const PropertyEscape property = read_property(in_, i_);
      return bare_class(property.is_word ? bare_word() : property.members, property.negated);
    }
    if ((c == 'k' || c == 'g') && (peek(2) == '<' || peek(2) == '\'')) {
      const char* const end = peek(2) == '<' ? ">" : "'";
      take(3);
      return take_through(end);
    }
    if (c == 'u' || c == 'x') {
      std::size_t end = i_;
      const std::uint32_t character = read_code_point_escape(in_, end);
      return literal(character, end - i_);
    }
    if (std::string_view("XyYKcCMo").find(c) != std::string_view::npos) throw RefusedConstruct{str('\\', c)};
    const CodePoint point = decode_code_point(in_.data() + i_ + 1);
    if (point.value < 0x80) return take(2);
    ++i_;
    literal(point.value, point.length);  // a backslash before it changes nothing
  }

  void word_boundary(bool negated) {
    const std::string members = bare_word().bracket_members();
    const bool shield = scopes_.back().ignore_case;
    const std::string before = str("(?<=[", members, "])"), no_before = str("(?<![", members, "])");
    const std::string after = str("(?=[", members, "])"), no_after = str("(?![", members, "])");
    out_ += shield ? "(?-i:" : "(?:";
    out_ += str(before, negated ? after : no_after, '|', no_before, negated ? no_after : after, ')');
  }

  std::string_view in_;
  std::string out_;
  std::size_t i_ = 0;
  std::vector<Scope> scopes_{Scope{}};
};

}  // namespace

std::string rewrite_pattern(const std::string& pattern) {
  if (pattern.size() > kLongest) {
    throw base::InputError(str("a split pattern of ", pattern.size(), " bytes is too long: at most ", kLongest));
  }
  try {
    return PatternRewriter(pattern).rewrite();
  } catch (const RefusedConstruct& construct) {
    throw base::InputError(str("split pattern ", pattern, " uses ", construct.what,
                               ", which is malformed or which Trireme cannot read as Hugging Face tokenizers do"));
  }
}

}  // namespace trireme::text
