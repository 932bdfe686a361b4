// The methods of str.
#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "io/jinja/interpreter.hpp"
#include "io/jinja/operations.hpp"
#include "io/jinja/python_text.hpp"
#include "io/jinja/text_format.hpp"

namespace trireme::jinja {
namespace {

using Self = Interpreter;

// A search that may compare every character of one text with every one of the other.
void charge_product(Self& self, std::string_view one, std::string_view other) {
  self.budget().steps((one.size() / 16 + 1) * (other.size() / 16 + 1));
}

Value pieces_list(Self& self, const Pieces& pieces, bool tuple = false) {
  std::vector<Value> items;
  items.reserve(pieces.size());
  for (const std::string_view piece : pieces) items.push_back(self.heap().string(std::string(piece)));
  return tuple ? self.heap().tuple(std::move(items)) : self.heap().list(std::move(items));
}

template <Side side>
Value strip_method(Self& self, const Value& text, Arguments& arguments) {
  const Value characters = arguments.take("chars", Value::none());
  arguments.done();
  if (characters.is_none()) return self.heap().string(std::string(strip(text.text(), side, nullptr)));
  const std::string_view given = text_argument(characters, "what strip() takes away");
  charge_product(self, text.text(), given);
  return self.heap().string(std::string(strip(text.text(), side, &given)));
}

template <bool from_right>
Value split_method(Self& self, const Value& text, Arguments& arguments) {
  const Value separator = arguments.take("sep", Value::none());
  const std::int64_t most = whole_argument(arguments.take("maxsplit", Value::of(std::int64_t{-1})), "maxsplit");
  arguments.done();
  if (separator.is_none()) return pieces_list(self, split(text.text(), nullptr, most, from_right));
  const std::string_view given = text_argument(separator, "a separator");
  if (given.empty()) throw Failure("a separator is empty");
  if (from_right) charge_product(self, text.text(), given);
  self.budget().steps(text.text().size() / 16);
  return pieces_list(self, split(text.text(), &given, most, from_right));
}

Value split_lines_method(Self& self, const Value& text, Arguments& arguments) {
  const bool keep = truth(arguments.take("keepends", Value::of(false)));
  arguments.done();
  return pieces_list(self, split_lines(text.text(), keep));
}

// The part of `text` that two optional arguments cut out; sets `cut` to the code points before it.
std::string part_of(Self& self, const Value& text, Arguments& arguments, std::int64_t& cut) {
  const Value start = arguments.take("start", Value::none());
  const Value end = arguments.take("end", Value::none());
  arguments.done();
  cut = 0;
  if (start.is_none() && end.is_none()) return text.text();
  const std::int64_t size = length(text);
  if (!start.is_none()) {
    cut = whole_argument(start, "start");
    cut = cut < 0 ? std::max<std::int64_t>(cut + size, 0) : cut;
  }
  return slice(text, start, end, Value::none(), self.heap()).text();
}

template <bool at_end>
Value affix_method(Self& self, const Value& text, Arguments& arguments) {
  const Value given = arguments.take(at_end ? "suffix" : "prefix");
  std::int64_t cut = 0;
  const std::string part = part_of(self, text, arguments, cut);
  if (cut > length(text)) return Value::of(false);
  const auto has = [&](const Value& affix) {
    const std::string& wanted = text_argument(affix, at_end ? "a suffix" : "a prefix");
    self.budget().steps(1 + std::min(part.size(), wanted.size()) / 64);
    return at_end ? part.ends_with(wanted) : part.starts_with(wanted);
  };
  if (!given.is(Kind::kTuple)) return Value::of(has(given));
  return Value::of(std::ranges::any_of(given.sequence().items, has));
}

template <bool from_right, bool must>
Value find_method(Self& self, const Value& text, Arguments& arguments) {
  const std::string& wanted = text_argument(arguments.take("sub"), "what is sought");
  std::int64_t cut = 0;
  const std::string part = part_of(self, text, arguments, cut);
  if (from_right) charge_product(self, part, wanted);
  self.budget().steps(part.size() / 16);
  const bool outside = cut > length(text);
  const std::size_t found = outside ? std::string::npos : find_text(part, wanted, from_right);
  if (found == std::string::npos && must) throw Failure("the text that index() seeks is not there");
  if (found == std::string::npos) return Value::of(std::int64_t{-1});
  return Value::of(cut + static_cast<std::int64_t>(count_code_points(std::string_view(part).substr(0, found))));
}

Value count_method(Self& self, const Value& text, Arguments& arguments) {
  const std::string& wanted = text_argument(arguments.take("sub"), "what is counted");
  std::int64_t cut = 0;
  const std::string part = part_of(self, text, arguments, cut);
  if (cut > length(text)) return Value::of(std::int64_t{0});
  return Value::of(static_cast<std::int64_t>(count_text(part, wanted)));
}

Value replace_method(Self& self, const Value& text, Arguments& arguments) {
  const std::string& old = text_argument(arguments.take("old"), "what is replaced");
  const std::string& with = text_argument(arguments.take("new"), "a replacement");
  const std::int64_t most = whole_argument(arguments.take("count", Value::of(std::int64_t{-1})), "count");
  arguments.done();
  // Checked before: a text of many places could become too large.
  const std::size_t places = count_text(text.text(), old);
  self.budget().bytes(places * with.size());
  return self.heap().string(replace_text(text.text(), old, with, most));
}

template <std::string (*convert)(std::string_view)>
Value case_method(Self& self, const Value& text, Arguments& arguments) {
  arguments.done();
  self.budget().steps(text.text().size() / 8);
  return self.heap().string(convert(text.text()));
}

Value join_method(Self& self, const Value& text, Arguments& arguments) {
  const Value items = arguments.take("iterable");
  arguments.done();
  std::string result;
  bool first = true;
  iterate(items, self.heap(), [&](const Value& item) {
    const std::string& part = text_argument(item, "what join() joins");
    self.budget().bytes(part.size() + text.text().size());
    if (!first) result += text.text();
    first = false;
    result += part;
    return true;
  });
  return self.heap().string(std::move(result));
}

Value format_method(Self& self, const Value& text, Arguments& arguments) {
  if (text.as_string().markup) throw Failure("format() of a text that went through safe or escape is not supported");
  return format_braces(text.text(), arguments, self.heap());
}

template <bool at_end>
Value remove_affix_method(Self& self, const Value& text, Arguments& arguments) {
  const std::string& affix = text_argument(arguments.take(at_end ? "suffix" : "prefix"), "an affix");
  arguments.done();
  const std::string& whole = text.text();
  const bool there = !affix.empty() && (at_end ? whole.ends_with(affix) : whole.starts_with(affix));
  if (!there) return text;
  return self.heap().string(whole.substr(at_end ? 0 : affix.size(), whole.size() - affix.size()));
}

template <bool from_right>
Value partition_method(Self& self, const Value& text, Arguments& arguments) {
  const std::string& separator = text_argument(arguments.take("sep"), "a separator");
  arguments.done();
  if (separator.empty()) throw Failure("a separator is empty");
  const std::string_view whole = text.text();
  if (from_right) charge_product(self, whole, separator);
  const std::size_t found = find_text(whole, separator, from_right);
  if (found == std::string_view::npos) {
    return pieces_list(self, from_right ? Pieces{"", "", whole} : Pieces{whole, "", ""}, true);
  }
  return pieces_list(self, {whole.substr(0, found), separator, whole.substr(found + separator.size())}, true);
}

bool ascii_kind(std::string_view text, bool (*fits)(char)) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80)
      throw Failure("asking for the kind of characters beyond ASCII is not supported");
  }
  return !text.empty() && std::ranges::all_of(text, fits);
}
bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
bool digit_or_letter(char c) { return digit(c) || letter(c); }

template <bool (*fits)(char)>
Value kind_method(Self&, const Value& text, Arguments& arguments) {
  arguments.done();
  return Value::of(ascii_kind(text.text(), fits));
}

Value is_space_method(Self&, const Value& text, Arguments& arguments) {
  arguments.done();
  return Value::of(!text.text().empty() && strip(text.text(), Side::kBoth, nullptr).empty());
}

template <bool (*asks)(std::string_view)>
Value case_question(Self& self, const Value& text, Arguments& arguments) {
  arguments.done();
  self.budget().steps(text.text().size() / 4);
  return Value::of(asks(text.text()));
}

// ljust, rjust, zfill: `side` is where the text goes.
template <Side side, bool zeros>
Value pad_method(Self& self, const Value& text, Arguments& arguments) {
  const std::int64_t width = whole_argument(arguments.take("width"), "a width");
  std::string fill = zeros ? "0" : " ";
  if (!zeros) {
    const Value given = arguments.take("fillchar", self.heap().string(" "));
    fill = text_argument(given, "a fill character");
    if (given.as_string().length != 1) throw Failure("a fill character must be one character");
  }
  arguments.done();
  const std::int64_t missing = width - length(text);
  if (missing <= 0) return text;
  const std::string& whole = text.text();
  const std::string padding = arithmetic("*", self.heap().string(fill), Value::of(missing), self.heap()).text();
  if (side == Side::kLeft) return self.heap().string(whole + padding);
  const std::size_t sign = zeros && !whole.empty() && (whole[0] == '-' || whole[0] == '+') ? 1 : 0;
  return self.heap().string(whole.substr(0, sign) + padding + whole.substr(sign));
}

constexpr std::pair<std::string_view, Native> kMethods[] = {
    {"strip", strip_method<Side::kBoth>},
    {"lstrip", strip_method<Side::kLeft>},
    {"rstrip", strip_method<Side::kRight>},
    {"split", split_method<false>},
    {"rsplit", split_method<true>},
    {"splitlines", split_lines_method},
    {"startswith", affix_method<false>},
    {"endswith", affix_method<true>},
    {"find", find_method<false, false>},
    {"rfind", find_method<true, false>},
    {"index", find_method<false, true>},
    {"rindex", find_method<true, true>},
    {"count", count_method},
    {"replace", replace_method},
    {"upper", case_method<upper>},
    {"lower", case_method<lower>},
    {"title", case_method<title>},
    {"capitalize", case_method<capitalize>},
    {"join", join_method},
    {"format", format_method},
    {"removeprefix", remove_affix_method<false>},
    {"removesuffix", remove_affix_method<true>},
    {"partition", partition_method<false>},
    {"rpartition", partition_method<true>},
    {"isdigit", kind_method<digit>},
    {"isdecimal", kind_method<digit>},
    {"isnumeric", kind_method<digit>},
    {"isalpha", kind_method<letter>},
    {"isalnum", kind_method<digit_or_letter>},
    {"isspace", is_space_method},
    {"isupper", case_question<is_upper>},
    {"islower", case_question<is_lower>},
    {"ljust", pad_method<Side::kLeft, false>},
    {"rjust", pad_method<Side::kRight, false>},
    {"zfill", pad_method<Side::kRight, true>},
};

}  // namespace

Native find_string_method(const std::string& name) {
  const auto* const found = std::ranges::find(kMethods, name, &std::pair<std::string_view, Native>::first);
  return found == std::end(kMethods) ? nullptr : found->second;
}

}  // namespace trireme::jinja
