#include "io/text/unicode_properties.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace trireme::text {
namespace {

struct Property {
  std::string_view names;  // separated by spaces, in lower case without '_'
  std::size_t first, count;
};

constexpr std::uint32_t kRanges[][2] = {
#define TRIREME_UNICODE_RANGES
#include "io/text/unicode_properties.inc"
#undef TRIREME_UNICODE_RANGES
};

constexpr Property kProperties[] = {
#include "io/text/unicode_properties.inc"
};

bool has_name(std::string_view names, std::string_view name) {
  for (std::size_t at = names.find(name); at != std::string_view::npos; at = names.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    if ((at == 0 || names[at - 1] == ' ') && (end == names.size() || names[end] == ' ')) return true;
  }
  return false;
}

std::optional<CodePointSet> listed(std::string_view name) {
  const auto found = std::find_if(std::begin(kProperties), std::end(kProperties),
                                  [&](const Property& property) { return has_name(property.names, name); });
  if (found == std::end(kProperties)) return std::nullopt;
  std::vector<CodePointSet::Range> ranges;
  for (std::size_t i = found->first; i < found->first + found->count; ++i) {
    ranges.emplace_back(kRanges[i][0], kRanges[i][1]);
  }
  return CodePointSet(std::move(ranges));
}

/// The members of a property that the table has.
CodePointSet table(std::string_view name) { return listed(name).value(); }

CodePointSet graph() { return (table("whitespace") | table("cc") | table("cn")).complement(); }

/// The members of a name that combines properties of the table.
std::optional<CodePointSet> derived(std::string_view name) {
  if (name == "any") return CodePointSet({{0, kLastCodePoint}});
  if (name == "ascii") return CodePointSet({{0, 0x7F}});
  if (name == "cs" || name == "surrogate") return CodePointSet();
  if (name == "alnum") return table("alphabetic") | table("nd");
  if (name == "blank") return table("zs") | CodePointSet({{'\t', '\t'}});
  if (name == "graph") return graph();
  if (name == "print") return graph() | table("zs");
  if (name == "xdigit") return CodePointSet({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
  if (name == "posixpunct") return table("p") | table("s");
  if (name == "word") return table("alphabetic") | table("m") | table("nd") | table("pc");
  return std::nullopt;
}

}  // namespace

std::optional<CodePointSet> unicode_property(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c == ' ' || c == '-' || c == '_') continue;
    plain.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  }
  if (plain.empty()) return std::nullopt;
  if (auto set = derived(plain)) return set;
  return listed(plain);
}

std::optional<CodePointSet> posix_class(std::string_view name) {
  constexpr std::array<std::string_view, 14> kNames = {"alnum", "alpha", "blank", "cntrl", "digit",  "graph", "lower",
                                                       "print", "punct", "space", "upper", "xdigit", "ascii", "word"};
  if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) return std::nullopt;
  return unicode_property(name == "punct" ? "posixpunct" : name);
}

CodePointSet bare_word() {
  return *unicode_property("word") | CodePointSet({{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}});
}

std::uint32_t recent_other_case(std::uint32_t code_point) noexcept {
  constexpr std::uint32_t kPairs[][2] = {
      {0xA7CB, 0x264}, {0xA7CC, 0xA7CD}, {0xA7DA, 0xA7DB}, {0xA7DC, 0x19B}, {0x1C89, 0x1C8A}};
  for (const auto& [upper, lower] : kPairs) {
    if (code_point == upper) return lower;
    if (code_point == lower) return upper;
  }
  if (code_point >= 0x10D50 && code_point <= 0x10D65) return code_point + 0x20;  // Garay
  if (code_point >= 0x10D70 && code_point <= 0x10D85) return code_point - 0x20;
  return 0;
}

}  // namespace trireme::text
