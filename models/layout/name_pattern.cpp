#include "models/layout/name_pattern.hpp"

#include <cstddef>

namespace trireme::layout {

bool matches(std::string_view pattern, std::string_view name) {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t at = 0, here = 0;
  // After a star everything is tried again from one character further on.
  std::size_t star = kNone, resume = 0;
  while (here < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = here;
    } else if (at < pattern.size() && pattern[at] == name[here]) {
      ++at;
      ++here;
    } else if (star != kNone) {
      at = star + 1;
      here = ++resume;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace trireme::layout
