#include "io/text/unicode_classes.hpp"

#include "io/text/unicode_properties.hpp"

namespace trireme::text {

UnicodeClasses::UnicodeClasses() : classes_(0x110000) {
  const auto add = [this](std::string_view property, unsigned bit) {
    const CodePointSet members = unicode_property(property).value();
    for (const auto& [first, last] : members.ranges()) {
      for (std::uint32_t point = first; point <= last; ++point) {
        classes_[point] = static_cast<std::uint8_t>(classes_[point] | bit);
      }
    }
  };
  add("l", kLetter);
  add("n", kNumber);
  add("whitespace", kSpace);
  add("word", kWord);
  add("joincontrol", kWord);
  for (const char* const either : {"lm", "lo", "m"}) add(either, kUpperKind | kLowerKind);
  for (const char* const upper : {"lu", "lt"}) add(upper, kUpperKind);
  add("ll", kLowerKind);
}

}  // namespace trireme::text
