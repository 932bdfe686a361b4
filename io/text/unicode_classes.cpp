#include "io/text/unicode_classes.hpp"

#include <algorithm>

namespace trireme::text {
namespace {

struct Range {
  std::uint32_t first, last;
  std::uint8_t classes;
};
constexpr Range kRanges[] = {
#include "io/text/unicode_ranges.inc"
};

}  // namespace

UnicodeClasses::UnicodeClasses() : classes_(0x110000) {
  for (const Range& range : kRanges) {
    std::fill(classes_.begin() + range.first, classes_.begin() + range.last + 1, range.classes);
  }
}

}  // namespace trireme::text
