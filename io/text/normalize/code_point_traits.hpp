// What Hugging Face tokenizers take each code point for in normalizers and pre-tokenizers. Their sets follow several
// versions of Unicode, so they are tables of their own (normalizer_sets.inc).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/text/utf8.hpp"

namespace trireme::text {

enum CodePointTrait : std::uint16_t {
  kControl = 1,         ///< BertNormalizer's clean_text removes it
  kNonspacingMark = 2,  ///< BertNormalizer's strip_accents removes it
  kCombiningMark = 4,   ///< StripAccents removes it
  kPunctuation = 8,     ///< of Punctuation and BertPreTokenizer
  kNumeric = 16,        ///< of Digits
  kBlank = 32,          ///< white space of Rust's char::is_whitespace
  kWordCharacter = 64,  ///< \w of Whitespace
  kReordered = 128,     ///< a mark whose canonical combining class is not 0
  kSecond = 256,        ///< a composition may join it to the character before it
  kChangedByNfd = 512,
  kChangedByNfc = 1024,
  kChangedByNfkd = 2048,
  kChangedByNfkc = 4096,
  kCased = 8192,  ///< it has a lower case
};

/// Two bytes of traits for every code point, made once for the process (2.2 MB).
class CodePointTraits {
 public:
  static const CodePointTraits& get();

  std::uint16_t operator[](std::uint32_t code_point) const noexcept { return traits_[code_point]; }

  /// The traits of the character at `p` of well-formed text; stores its length in bytes in `length`.
  std::uint16_t at(const char* p, std::uint32_t& length) const noexcept {
    const CodePoint point = decode_code_point(p);
    length = point.length;
    return traits_[point.value];
  }

 private:
  CodePointTraits();
  std::vector<std::uint16_t> traits_;
};

/// Appends the lower case of a code point, as Rust's char::to_lowercase has it.
void append_lower_case(std::uint32_t code_point, std::string& out);

}  // namespace trireme::text
