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

/// Splits text into words that lie end to end: matches of the pattern, and the text between them (Hugging Face's
/// "isolated"). Thread-safe.
class Splitter {
 public:
  virtual ~Splitter() = default;

  /// Appends the lengths in bytes of the words of `text` from byte `position` on, at least one and at most about 2048,
  /// and moves `position` behind them. `text` must be well-formed UTF-8, and position < text.size(). Lookahead sees all
  /// of `text`.
  virtual void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const = 0;
};

inline constexpr std::size_t kWordsAtATime = 2048;

/// Hand-written scanners for the patterns of GPT-2, Llama-3 (also cl100k's), Qwen2 and o200k (equal to them, character
/// by character, and an order faster); Oniguruma for any other. Throws InputError naming the pattern when it is
/// malformed or cannot be read as Hugging Face tokenizers do (io/text/pattern_rewriter.hpp).
std::unique_ptr<Splitter> make_splitter(const std::string& pattern, std::shared_ptr<const UnicodeClasses> classes);

/// Always uses Oniguruma. Its split() throws InputError where a text makes the pattern try too many ways to match: more
/// than ten million from one place, as in Hugging Face tokenizers, or too many in all. It never runs without an end.
std::unique_ptr<Splitter> make_oniguruma_splitter(const std::string& pattern);

}  // namespace trireme::text
