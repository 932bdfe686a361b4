#include "io/jinja/text_format.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"

namespace trireme::jinja {
namespace {

constexpr std::size_t kWidest = 10'000, kMostDigits = 300;

/// One %-specification.
struct Specification {
  std::string key;
  bool has_key = false, left = false, zero = false, plus = false, space = false, alternate = false;
  std::size_t width = 0;
  std::optional<std::size_t> precision;
  char type = '\0';
};

class PercentFormat {
 public:
  PercentFormat(const std::string& format, const Value& values, Heap& heap)
      : format_(format), values_(values), heap_(heap) {}

  std::string run() {
    std::string out;
    while (at_ < format_.size()) {
      const std::size_t percent = std::min(format_.find('%', at_), format_.size());
      out += format_.substr(at_, percent - at_);
      at_ = percent;
      if (at_ == format_.size()) break;
      ++at_;
      const Specification given = specification();
      const std::string text = given.type == '%' ? "%" : converted(given, argument(given));
      heap_.budget().bytes(text.size());
      out += text;
    }
    const bool mapping = values_.is(Kind::kDict) || values_.is(Kind::kList);
    if (!mapping && used_ < count()) throw Failure("not all values are used by the format behind %");
    return out;
  }

 private:
  char next() {
    if (at_ >= format_.size()) throw Failure("a format ends behind its %");
    return format_[at_++];
  }

  std::size_t number(std::size_t most) {
    std::size_t value = 0;
    while (at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9') {
      value = value * 10 + static_cast<std::size_t>(format_[at_++] - '0');
      if (value > most) throw Failure("a width in a format is too large");
    }
    return value;
  }

  Specification specification() {
    Specification result;
    if (at_ < format_.size() && format_[at_] == '(') {
      const std::size_t end = format_.find(')', at_);
      if (end == std::string::npos) throw Failure("a name in a format has no end");
      result.key = format_.substr(at_ + 1, end - at_ - 1);
      result.has_key = true;
      at_ = end + 1;
    }
    for (bool flag = true; flag;) {
      const char c = at_ < format_.size() ? format_[at_] : '\0';
      result.left |= c == '-';
      result.zero |= c == '0';
      result.plus |= c == '+';
      result.space |= c == ' ';
      result.alternate |= c == '#';
      flag = c != '\0' && std::string_view("-0+ #").find(c) != std::string_view::npos;
      if (flag) ++at_;
    }
    if (at_ < format_.size() && format_[at_] == '*') throw Failure("the width * of a format is not supported");
    result.width = number(kWidest);
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      result.precision = number(kMostDigits);
    }
    result.type = next();
    return result;
  }

  std::size_t count() const { return values_.is(Kind::kTuple) ? values_.sequence().items.size() : 1; }

  Value argument(const Specification& given) {
    if (given.has_key) {
      if (!values_.is(Kind::kDict)) throw Failure("a format with names needs a dictionary");
      const Value* const found = lookup(values_.dict(), heap_.string(given.key), heap_.budget());
      if (found == nullptr) throw Failure("a format names '" + given.key + "', which is not there");
      return *found;
    }
    if (used_ >= count()) throw Failure("a format needs more values than there are");
    const std::size_t index = used_++;
    return values_.is(Kind::kTuple) ? values_.sequence().items[index] : values_;
  }

  static std::string padded(const Specification& given, std::string text, bool number) {
    const std::size_t length = count_code_points(text);
    if (length >= given.width) return text;
    const std::size_t missing = given.width - length;
    if (given.left) return text + std::string(missing, ' ');
    if (!number || !given.zero) return std::string(missing, ' ') + text;
    std::size_t digits = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
    if (given.alternate && (given.type == 'x' || given.type == 'X' || given.type == 'o')) digits += 2;
    return text.substr(0, digits) + std::string(missing, '0') + text.substr(digits);
  }

  static std::string with_sign(const Specification& given, bool negative, const std::string& digits) {
    return (negative ? "-" : given.plus ? "+" : given.space ? " " : "") + digits;
  }

  std::string whole(const Specification& given, const Value& value) const {
    const bool decimal = given.type == 'd' || given.type == 'i' || given.type == 'u';
    std::int64_t number = 0;
    if (decimal && value.is(Kind::kFloat)) {
      if (!(std::abs(value.floating()) < 9e18)) throw Failure("a number does not fit into 64 bits");
      number = static_cast<std::int64_t>(value.floating());
    } else {
      number = whole_argument(value, "a value for %d or %x");
    }
    const std::uint64_t size = number < 0 ? 0 - static_cast<std::uint64_t>(number) : static_cast<std::uint64_t>(number);
    char digits[80];
    const int base = decimal ? 10 : given.type == 'o' ? 8 : 16;
    std::string text(digits, std::to_chars(digits, digits + sizeof digits, size, base).ptr);
    if (given.precision && text.size() < *given.precision) text.insert(0, *given.precision - text.size(), '0');
    if (given.type == 'X')
      std::ranges::transform(text, text.begin(), [](char c) { return static_cast<char>(toupper(c)); });
    if (given.alternate && !decimal) text.insert(0, given.type == 'o' ? "0o" : given.type == 'x' ? "0x" : "0X");
    return padded(given, with_sign(given, number < 0, text), true);
  }

  static std::string floating(const Specification& given, const Value& value) {
    if (!value.number()) throw Failure("a value for %f must be a number, not " + type_name(value));
    const double number = value.floating();
    const char format[] = {'%', '.', '*', given.type, '\0'};
    char digits[kMostDigits + 400];
    std::snprintf(digits, sizeof digits, format, static_cast<int>(given.precision.value_or(6)), std::abs(number));
    Specification rest = given;
    rest.zero = given.zero && std::isfinite(number);
    return padded(rest, with_sign(given, std::signbit(number) && !std::isnan(number), digits), true);
  }

  std::string converted(const Specification& given, const Value& value) {
    switch (given.type) {
      case 's':
      case 'r': {
        std::string text = given.type == 's' ? to_text(value, heap_.budget()) : to_repr(value, heap_.budget());
        if (given.precision) text.resize(byte_of(text, *given.precision));
        return padded(given, std::move(text), false);
      }
      case 'c': {
        if (value.string() && value.as_string().length == 1) return padded(given, value.text(), false);
        const std::int64_t point = whole_argument(value, "a value for %c");
        if (point < 0 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) {
          throw Failure("a value for %c is no character");
        }
        std::string text;
        append_code_point(static_cast<std::uint32_t>(point), text);
        return padded(given, std::move(text), false);
      }
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X': return whole(given, value);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G': return floating(given, value);
      default: throw Failure("a format has % before something that is no conversion");
    }
  }

  const std::string& format_;
  const Value& values_;
  Heap& heap_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

// The argument that the inside of {…} names: "", "0", "name".
const Value& field(const std::string& name, const Arguments& arguments, std::size_t& automatic) {
  const bool number = std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  if (!number) {
    const auto found = std::ranges::find(arguments.named, name, &std::pair<std::string, Value>::first);
    if (found == arguments.named.end()) throw Failure("format() has no argument " + name);
    return found->second;
  }
  std::size_t index = 0;
  if (name.empty()) {
    index = automatic++;
  } else {
    std::from_chars(name.data(), name.data() + name.size(), index);
  }
  if (index >= arguments.positional.size()) throw Failure("format() has too few arguments");
  return arguments.positional[index];
}

}  // namespace

Value format_percent(const Value& format, const Value& values, Heap& heap) {
  if (format.as_string().markup) throw Failure("% behind a text that went through safe or escape is not supported");
  return heap.string(PercentFormat(format.text(), values, heap).run());
}

Value format_braces(const std::string& format, const Arguments& arguments, Heap& heap) {
  std::string out;
  std::size_t automatic = 0;
  for (std::size_t at = 0; at < format.size(); ++at) {
    const char c = format[at];
    if (c != '{' && c != '}') {
      out += c;
      continue;
    }
    if (at + 1 < format.size() && format[at + 1] == c) {
      out += c;
      ++at;
      continue;
    }
    const std::size_t end = c == '{' ? format.find('}', at) : std::string::npos;
    if (end == std::string::npos) throw Failure("format() has a single brace");
    std::string name = format.substr(at + 1, end - at - 1);
    const bool repr = name.ends_with("!r");
    if (repr || name.ends_with("!s")) name.resize(name.size() - 2);
    if (name.find_first_of(".[]:!{") != std::string::npos) {
      throw Failure("format() supports {}, {0} and {name}, not {" + name + "}");
    }
    const Value& value = field(name, arguments, automatic);
    const std::string text = repr ? to_repr(value, heap.budget()) : to_text(value, heap.budget());
    heap.budget().bytes(text.size());
    out += text;
    at = end;
  }
  return heap.string(std::move(out));
}

}  // namespace trireme::jinja
