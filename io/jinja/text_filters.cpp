// Filters of texts and numbers.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "io/jinja/filters.hpp"
#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"
#include "io/jinja/text_format.hpp"

namespace trireme::jinja {
namespace {

using Self = Interpreter;

std::string text_of(Self& self, const Value& value) { return to_text(value, self.budget()); }

template <std::string (*convert)(std::string_view)>
Value case_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  const std::string text = text_of(self, value);
  self.budget().steps(text.size() / 8);
  return self.heap().string(convert(text));
}

// The first letter of each word large; words begin behind white space, "-", and opening brackets.
std::string title_words(std::string_view text) {
  std::string result;
  const auto separates = [](std::uint32_t point) {
    return is_space(point) ||
           (point < 0x80 && std::string_view("-({[<").find(static_cast<char>(point)) != std::string_view::npos);
  };
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    const bool gap = separates(next_code_point(text, end));
    const std::size_t first = end;
    while (end < text.size()) {
      std::size_t behind = end;
      if (separates(next_code_point(text, behind)) != gap) break;
      end = behind;
    }
    result += upper(text.substr(at, first - at)) + lower(text.substr(first, end - first));
    at = end;
  }
  return result;
}

Value trim_filter(Self& self, const Value& value, Arguments& arguments) {
  const Value characters = arguments.take("chars", Value::none());
  arguments.done();
  const std::string text = text_of(self, value);
  if (characters.is_none()) return self.heap().string(std::string(strip(text, Side::kBoth, nullptr)));
  const std::string_view given = text_argument(characters, "what trim takes away");
  self.budget().steps((text.size() / 16 + 1) * (given.size() / 16 + 1));
  return self.heap().string(std::string(strip(text, Side::kBoth, &given)));
}

Value replace_filter(Self& self, const Value& value, Arguments& arguments) {
  const std::string text = text_of(self, value);
  const std::string old = text_of(self, arguments.take("old"));
  const std::string with = text_of(self, arguments.take("new"));
  const Value most = arguments.take("count", Value::none());
  arguments.done();
  self.budget().bytes(count_text(text, old) * with.size());
  return self.heap().string(replace_text(text, old, with, most.is_none() ? -1 : whole_argument(most, "count")));
}

Value default_filter(Self& self, const Value& value, Arguments& arguments) {
  const Value otherwise = arguments.take("default_value", self.heap().string(""));
  const bool boolean = truth(arguments.take("boolean", Value::of(false)));
  arguments.done();
  return value.undefined() || (boolean && !truth(value)) ? otherwise : value;
}

Value string_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  return to_string(value, self.heap());
}

Value safe_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  return self.heap().string(text_of(self, value), true);
}

Value escape_filter(Self& self, const Value& value, Arguments& arguments) {
  arguments.done();
  if (value.string() && value.as_string().markup) return value;
  const std::string text = text_of(self, value);
  self.budget().bytes(text.size() * 6);
  return self.heap().string(escaped(text), true);
}

Value format_filter(Self& self, const Value& value, Arguments& arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty()) {
    throw Failure("format takes values by position or by name, not both");
  }
  if (arguments.named.empty()) {
    return format_percent(to_string(value, self.heap()), self.heap().tuple(arguments.positional), self.heap());
  }
  Dict* const dict = self.heap().make<Dict>();
  for (const auto& [name, given] : arguments.named) insert(*dict, self.heap().string(name), given, self.budget());
  return format_percent(to_string(value, self.heap()), Value::of(Kind::kDict, dict), self.heap());
}

Value indent_filter(Self& self, const Value& value, Arguments& arguments) {
  const Value width = arguments.take("width", Value::of(std::int64_t{4}));
  const bool first = truth(arguments.take("first", Value::of(false)));
  const bool blank = truth(arguments.take("blank", Value::of(false)));
  arguments.done();
  const std::string text = text_argument(value, "what indent indents") + "\n";
  const Value step = width.string() ? width : arithmetic("*", self.heap().string(" "), width, self.heap());
  const std::string& indent = step.text();
  const Pieces lines = split_lines(text, false);
  self.budget().bytes(lines.size() * (indent.size() + 1));
  std::string result;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) result += '\n';
    const bool indented = i == 0 ? first : blank || !lines[i].empty();
    if (indented) result += indent;
    result += lines[i];
  }
  return self.heap().string(std::move(result));
}

Value tojson_filter(Self& self, const Value& value, Arguments& arguments) {
  JsonStyle style;
  style.ascii_only = truth(arguments.take("ensure_ascii", Value::of(false)));
  const Value indent = arguments.take("indent", Value::none());
  const Value separators = arguments.take("separators", Value::none());
  style.sort_keys = truth(arguments.take("sort_keys", Value::of(false)));
  arguments.done();
  if (!indent.is_none()) {
    style.indented = true;
    style.item_separator = ",";
    const bool text = indent.string();
    style.indent = text ? indent.text() : arithmetic("*", self.heap().string(" "), indent, self.heap()).text();
  }
  if (!separators.is_none()) {
    const std::vector<Value> both = elements(separators, self.heap());
    if (both.size() != 2) throw Failure("the separators of tojson are two strings");
    style.item_separator = text_argument(both[0], "a separator");
    style.key_separator = text_argument(both[1], "a separator");
  }
  return self.heap().string(to_json(value, style, self.budget()));
}

// float(text) of Python; nothing when it raises.
std::optional<double> parse_float(std::string_view text) {
  std::string spelled(strip(text, Side::kBoth, nullptr));
  if (spelled.empty() || spelled.find_first_not_of("0123456789+-.eE_infatyNIFATY") != std::string::npos) return {};
  for (std::size_t i = 0; i < spelled.size(); ++i) {
    const auto digit = [&](std::size_t at) { return at < spelled.size() && spelled[at] >= '0' && spelled[at] <= '9'; };
    if (spelled[i] == '_' && (i == 0 || !digit(i - 1) || !digit(i + 1))) return {};
  }
  std::erase(spelled, '_');
  char* end = nullptr;
  const double value = std::strtod(spelled.c_str(), &end);
  if (end != spelled.c_str() + spelled.size() || spelled.find('(') != std::string::npos) return {};
  return value;
}

// int(text, base) of Python for the bases that texts name themselves and for plain ones.
std::optional<std::int64_t> parse_int(std::string_view text, int base) {
  std::string spelled(strip(text, Side::kBoth, nullptr));
  const bool minus = spelled.starts_with('-');
  if (minus || spelled.starts_with('+')) spelled.erase(0, 1);
  const auto prefix = [&](const char* small, const char* large) {
    return spelled.starts_with(small) || spelled.starts_with(large);
  };
  const int named = prefix("0x", "0X") ? 16 : prefix("0o", "0O") ? 8 : prefix("0b", "0B") ? 2 : 0;
  if (named != 0 && (base == named || base == 0)) {
    spelled.erase(0, 2);
    base = named;
  }
  if (base == 0) base = 10;
  for (std::size_t i = 0; i < spelled.size(); ++i) {
    if (spelled[i] == '_' && (i == 0 || i + 1 == spelled.size() || spelled[i + 1] == '_')) return {};
  }
  std::erase(spelled, '_');
  if (spelled.empty() || spelled[0] == '-') return {};
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(spelled.data(), spelled.data() + spelled.size(), value, base);
  if (end != spelled.data() + spelled.size() || error == std::errc::invalid_argument) return {};
  if (error != std::errc()) throw Failure("a whole number does not fit into 64 bits");
  return minus ? -value : value;
}

std::optional<std::int64_t> whole_of(double value) {
  if (!std::isfinite(value)) return {};
  if (!(std::abs(value) < 9e18)) throw Failure("a whole number does not fit into 64 bits");
  return static_cast<std::int64_t>(value);
}

Value int_filter(Self&, const Value& value, Arguments& arguments) {
  const Value otherwise = arguments.take("default", Value::of(std::int64_t{0}));
  const std::int64_t base = whole_argument(arguments.take("base", Value::of(std::int64_t{10})), "a base");
  arguments.done();
  if (value.undefined()) fail_undefined(value);
  if (base != 0 && (base < 2 || base > 36)) throw Failure("a base is between 2 and 36");
  if (value.whole()) return Value::of(value.integer());
  std::optional<std::int64_t> whole;
  if (value.is(Kind::kFloat)) {
    if (std::isinf(value.floating())) throw Failure("an infinite number is no whole number");
    whole = whole_of(value.floating());
  } else if (value.string()) {
    whole = parse_int(value.text(), static_cast<int>(base));
    const std::optional<double> real = whole ? std::nullopt : parse_float(value.text());
    if (real) whole = whole_of(*real);
  }
  return whole ? Value::of(*whole) : otherwise;
}

Value float_filter(Self&, const Value& value, Arguments& arguments) {
  const Value otherwise = arguments.take("default", Value::of(0.0));
  arguments.done();
  if (value.undefined()) fail_undefined(value);
  if (value.number()) return Value::of(value.floating());
  const std::optional<double> real = value.string() ? parse_float(value.text()) : std::nullopt;
  return real ? Value::of(*real) : otherwise;
}

// Python's round(): to the nearest decimal, by the exact value of the double.
Value rounded(const Value& value, std::int64_t precision) {
  if (value.whole() && precision >= 0) return Value::of(value.integer());
  if (precision < 0 || precision > 300) throw Failure("round supports 0 to 300 digits");
  if (!std::isfinite(value.floating())) return value;
  char digits[800];
  std::snprintf(digits, sizeof digits, "%.*f", static_cast<int>(precision), value.floating());
  return Value::of(std::strtod(digits, nullptr));
}

Value round_filter(Self&, const Value& value, Arguments& arguments) {
  const std::int64_t precision = whole_argument(arguments.take("precision", Value::of(std::int64_t{0})), "a precision");
  const Value method = arguments.take("method", Value());
  arguments.done();
  if (value.undefined()) fail_undefined(value);
  if (!value.number()) throw Failure("round needs a number, not " + type_name(value));
  const std::string name = method.undefined() ? "common" : text_argument(method, "a method");
  if (name == "common") return rounded(value, precision);
  if (name != "ceil" && name != "floor") throw Failure("the method of round is common, ceil or floor");
  if (precision < 0 || precision > 300) throw Failure("round supports 0 to 300 digits");
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = value.floating() * scale;
  return Value::of((name == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale);
}

Value abs_filter(Self&, const Value& value, Arguments& arguments) {
  arguments.done();
  if (value.is(Kind::kFloat)) return Value::of(std::abs(value.floating()));
  const std::int64_t whole = whole_argument(value, "what abs takes");
  return whole < 0 ? negative(value) : Value::of(whole);
}

Value attr_filter(Self& self, const Value& value, Arguments& arguments) {
  const std::string& name = text_argument(arguments.take("name"), "an attribute's name");
  arguments.done();
  // Keys of a dictionary are no attributes of it.
  if (value.is(Kind::kDict) && find_dict_method(name) == nullptr) return self.heap().undefined("there is no " + name);
  return self.attribute(value, name);
}

using Named = std::pair<std::string_view, Native>;
constexpr Named kFilters[] = {
    {"upper", case_filter<upper>},
    {"lower", case_filter<lower>},
    {"capitalize", case_filter<capitalize>},
    {"title", case_filter<title_words>},
    {"trim", trim_filter},
    {"replace", replace_filter},
    {"default", default_filter},
    {"d", default_filter},
    {"string", string_filter},
    {"safe", safe_filter},
    {"escape", escape_filter},
    {"e", escape_filter},
    {"format", format_filter},
    {"indent", indent_filter},
    {"tojson", tojson_filter},
    {"int", int_filter},
    {"float", float_filter},
    {"round", round_filter},
    {"abs", abs_filter},
    {"attr", attr_filter},
};

}  // namespace

Native find_plain_filter(const std::string& name) {
  const auto* const found = std::ranges::find(kFilters, name, &Named::first);
  return found == std::end(kFilters) ? nullptr : found->second;
}

}  // namespace trireme::jinja
