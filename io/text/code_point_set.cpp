#include "io/text/code_point_set.hpp"

#include <algorithm>
#include <cstdio>

namespace trireme::text {
namespace {

std::string escaped(std::uint32_t code_point) {
  char text[16];
  std::snprintf(text, sizeof text, "\\x{%X}", code_point);
  return text;
}

}  // namespace

CodePointSet::CodePointSet(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end());
  for (const Range& range : ranges) {
    if (!ranges_.empty() && range.first <= ranges_.back().second + 1) {
      ranges_.back().second = std::max(ranges_.back().second, range.second);
    } else {
      ranges_.push_back(range);
    }
  }
}

bool CodePointSet::contains(std::uint32_t code_point) const noexcept {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), code_point,
                                      [](std::uint32_t point, const Range& range) { return point < range.first; });
  return after != ranges_.begin() && code_point <= std::prev(after)->second;
}

CodePointSet CodePointSet::complement() const {
  CodePointSet result;
  std::uint32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > next) result.ranges_.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kLastCodePoint) result.ranges_.emplace_back(next, kLastCodePoint);
  return result;
}

CodePointSet CodePointSet::operator|(const CodePointSet& other) const {
  std::vector<Range> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePointSet(std::move(both));
}

CodePointSet CodePointSet::operator&(const CodePointSet& other) const {
  return (complement() | other.complement()).complement();
}

std::string CodePointSet::bracket_members() const {
  std::string members;
  for (auto [first, last] : ranges_) {
    // Neither texts nor patterns hold surrogates, so a range neither begins nor ends with one.
    if (first >= 0xD800 && first <= 0xDFFF) first = 0xE000;
    if (last >= 0xD800 && last <= 0xDFFF) last = 0xD7FF;
    if (first > last) continue;
    members += escaped(first);
    if (first < last) members += "-" + escaped(last);
  }
  return members;
}

}  // namespace trireme::text
