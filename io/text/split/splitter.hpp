// Cuts text into words (pre-tokens) by a split pattern.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/tokenizer_definition.hpp"
#include "io/text/unicode_classes.hpp"

namespace trireme::text {

/// Splits text into pieces that lie end to end: words, and for some splitters pieces that are dropped. Thread-safe.
class Splitter {
 public:
  virtual ~Splitter() = default;

  /// Appends the lengths in bytes of the pieces of `text` from byte `position` on, at least one, and moves `position`
  /// behind them; position < text.size(), and at first 0. Splitters of most words append at most about 2048 a call.
  /// `text` must be well-formed UTF-8. Lookahead sees all of it.
  virtual void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const = 0;

  /// Whether a length may have the bit kDropped: then the piece is no word. `text` must be shorter than kDropped bytes.
  virtual bool drops() const { return false; }
};

inline constexpr std::uint32_t kDropped = 1U << 31;

inline constexpr std::size_t kWordsAtATime = 2048;

/// The splitter of a pre-tokenizer's step. Throws InputError as make_splitter(pattern) does.
std::unique_ptr<Splitter> make_step_splitter(const SplitStep& step, std::shared_ptr<const UnicodeClasses> classes);

/// Matches of the pattern are words, and so is the text between them (Hugging Face's "isolated").
/// Hand-written scanners for the patterns of GPT-2, Llama-3 (also cl100k's), Qwen2 and o200k (equal to them, character
/// by character, and an order faster); Oniguruma for any other. Throws InputError naming the pattern when it is
/// malformed or cannot be read as Hugging Face tokenizers do (io/text/split/pattern_rewriter.hpp).
std::unique_ptr<Splitter> make_splitter(const std::string& pattern, std::shared_ptr<const UnicodeClasses> classes);

/// Null for a pattern that has no scanner of its own. Every character is in a match of a pattern that has.
std::unique_ptr<Splitter> make_known_splitter(const std::string& pattern,
                                              std::shared_ptr<const UnicodeClasses> classes);

/// Always uses Oniguruma. Its split() throws InputError where a text makes the pattern try too many ways to match: more
/// than ten million from one place, as in Hugging Face tokenizers, or too many in all. It never runs without an end.
std::unique_ptr<Splitter> make_oniguruma_splitter(const std::string& pattern);

}  // namespace trireme::text
