#include "io/text/normalize/code_point_traits.hpp"

#include <algorithm>
#include <iterator>

#include "io/text/unicode_properties.hpp"

namespace trireme::text {
namespace {

namespace sets {
#include "io/text/normalize/normalizer_sets.inc"
}  // namespace sets

}  // namespace

CodePointTraits::CodePointTraits() : traits_(0x110000) {
  const auto add_range = [this](std::uint32_t first, std::uint32_t last, CodePointTrait trait) {
    for (std::uint32_t c = first; c <= last; ++c) traits_[c] = static_cast<std::uint16_t>(traits_[c] | trait);
  };
  const auto add = [&](const auto& ranges, CodePointTrait trait) {
    for (const auto& [first, last] : ranges) add_range(first, last, trait);
  };
  add(sets::kControl, CodePointTrait::kControl);
  add(sets::kNonspacingMark, CodePointTrait::kNonspacingMark);
  add(sets::kCombiningMark, CodePointTrait::kCombiningMark);
  add(sets::kPunctuation, CodePointTrait::kPunctuation);
  add(sets::kNumeric, CodePointTrait::kNumeric);
  add(sets::kReordered, CodePointTrait::kReordered);
  add(sets::kSecond, CodePointTrait::kSecond);
  add(sets::kChangedByNfd, CodePointTrait::kChangedByNfd);
  add(sets::kChangedByNfc, CodePointTrait::kChangedByNfc);
  add(sets::kChangedByNfkd, CodePointTrait::kChangedByNfkd);
  add(sets::kChangedByNfkc, CodePointTrait::kChangedByNfkc);
  add(unicode_property("whitespace")->ranges(), kBlank);
  for (const char* const word : {"word", "joincontrol"}) add(unicode_property(word)->ranges(), kWordCharacter);
  for (const auto& [first, last, step, distance] : sets::kLowerCase) {
    for (std::int32_t c = first; c <= last; c += step)
      add_range(static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(c), kCased);
  }
  add_range(0x130, 0x130, kCased);
}

const CodePointTraits& CodePointTraits::get() {
  static const CodePointTraits kTraits;
  return kTraits;
}

void append_lower_case(std::uint32_t code_point, std::string& out) {
  if (code_point == 0x130) {  // the only one with two characters
    out += "i\xCC\x87";
    return;
  }
  const auto c = static_cast<std::int32_t>(code_point);
  const auto after = std::upper_bound(std::begin(sets::kLowerCase), std::end(sets::kLowerCase), c,
                                      [](std::int32_t value, const auto& run) { return value < run[0]; });
  if (after != std::begin(sets::kLowerCase)) {
    const auto& run = *std::prev(after);
    if (c <= run[1] && (c - run[0]) % run[2] == 0) {
      return append_code_point(static_cast<std::uint32_t>(c + run[3]), out);
    }
  }
  append_code_point(code_point, out);
}

}  // namespace trireme::text
