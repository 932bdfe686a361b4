// The normal forms of Unicode (UAX 15) as Hugging Face tokenizers compute them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/text/normalize/code_point_traits.hpp"

namespace trireme::text {

/// NFC, NFD, NFKC or NFKD. Decompositions and compositions come from utf8proc; which code points have any, and which
/// ones are reordered, from CodePointTraits: characters that are newer than the Unicode version of Hugging Face
/// tokenizers stay as they are and part the text, whatever the version of utf8proc. Immutable and thread-safe.
class NormalForm {
 public:
  NormalForm(bool compose, bool compatibility);

  /// Writes the normal form of well-formed `text` to `out` and returns true; or returns false and leaves `out`
  /// unspecified when the text is in the normal form already. Time O(n log n) whatever the text; text in which only
  /// few characters need work costs little more than reading it.
  bool apply(std::string_view text, std::string& out) const;

 private:
  void append_segment(std::string_view segment, std::string& out) const;

  const CodePointTraits& traits_;
  bool compose_, compatibility_;
  std::uint16_t active_;  // the traits of characters that may change, move or join others
};

}  // namespace trireme::text
