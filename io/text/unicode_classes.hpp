// The character classes that the scanners and added tokens use, by Unicode 16.0, with the members that they have in
// Hugging Face tokenizers.
#pragma once

#include <cstdint>
#include <vector>

#include "io/text/utf8.hpp"

namespace trireme::text {

enum UnicodeClass : std::uint8_t {
  kLetter = 1,      ///< \p{L}
  kNumber = 2,      ///< \p{N}
  kSpace = 4,       ///< \s: White_Space (so not U+180E, U+200B or U+FEFF)
  kWord = 8,        ///< \w of added tokens: alphabetic, marks, decimal digits, connector punctuation, join controls
  kUpperKind = 16,  ///< [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]
  kLowerKind = 32,  ///< [\p{Ll}\p{Lm}\p{Lo}\p{M}]
};

/// One byte of class bits for every code point; about 1.1 MB, of which a text touches few pages.
class UnicodeClasses {
 public:
  UnicodeClasses();

  std::uint8_t operator[](std::uint32_t code_point) const noexcept { return classes_[code_point]; }

  /// The classes of the character at `p` of well-formed text; stores its length in bytes in `length`.
  std::uint8_t at(const char* p, std::uint32_t& length) const noexcept {
    const CodePoint point = decode_code_point(p);
    length = point.length;
    return classes_[point.value];
  }

 private:
  std::vector<std::uint8_t> classes_;
};

}  // namespace trireme::text
