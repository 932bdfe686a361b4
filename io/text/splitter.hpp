// Cuts text into words (pre-tokens) by a split pattern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/unicode_classes.hpp"

namespace trireme::text {

/// The words lie end to end: matches of the pattern, and what lies between them (Hugging Face's "isolated").
/// Thread-safe.
class Splitter {
 public:
  virtual ~Splitter() = default;

  /// Appends the lengths of the words of `text` from byte `position` on, at least one and at most about 2048, and
  /// moves `position` behind them. `text` is well-formed UTF-8, position < text.size(). Lookahead sees all of `text`.
  virtual void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const = 0;
};

inline constexpr std::size_t kWordsAtATime = 2048;

/// Hand-written scanners for GPT-2's and Llama-3's patterns (equal to them, character by character, and an order
/// faster); PCRE2 with JIT for any other. Throws InputError naming the pattern when it is malformed or uses what
/// Oniguruma and PCRE2 read differently. PCRE2 knows the characters of its own Unicode version; the scanners know 16.0.
std::unique_ptr<Splitter> make_splitter(const std::string& pattern, std::shared_ptr<const UnicodeClasses> classes);

/// Always PCRE2.
std::unique_ptr<Splitter> make_pcre2_splitter(const std::string& pattern);

}  // namespace trireme::text
