// Finds the matches of a pattern in a text: regular expressions, plain texts, classes of characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::text {

/// A match, or the text between two matches. The first segment begins at 0, each other one where the one before ends.
/// A match may be empty, a text between is not.
struct TextSegment {
  std::size_t end;
  bool match;
};

/// Immutable and thread-safe.
class TextMatcher {
 public:
  virtual ~TextMatcher() = default;

  /// How far a search came. It begins with zeros.
  struct Position {
    std::size_t taken = 0;           ///< where the next segment begins
    std::size_t search = 0;          ///< where to look for the next match
    std::size_t matched = SIZE_MAX;  ///< where the last match ended; no empty match follows it there
  };

  /// Appends the next segments of well-formed `text`, a few thousand at most; none when there are no more.
  virtual void find(std::string_view text, Position& at, std::vector<TextSegment>& segments) const = 0;
};

/// Oniguruma; throws InputError as make_oniguruma_splitter() does, and so does its find().
std::unique_ptr<TextMatcher> make_pattern_matcher(const std::string& pattern);

/// The places of a plain text, from the left, not overlapping; none of an empty one.
std::unique_ptr<TextMatcher> make_literal_matcher(std::string literal);

/// Each character that has one of the traits (io/text/normalize/code_point_traits.hpp).
std::unique_ptr<TextMatcher> make_character_matcher(std::uint16_t traits);

}  // namespace trireme::text
