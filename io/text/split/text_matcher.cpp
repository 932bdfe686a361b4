#include "io/text/split/text_matcher.hpp"

#include "io/text/normalize/code_point_traits.hpp"
#include "io/text/split/splitter.hpp"

namespace trireme::text {
namespace {

/// Appends a match and the text before it.
void append_match(std::size_t begin, std::size_t end, TextMatcher::Position& at, std::vector<TextSegment>& segments) {
  if (begin > at.taken) segments.push_back({begin, false});
  segments.push_back({end, true});
  at.taken = at.search = end;
}

/// Appends what follows the last match.
void append_rest(std::string_view text, TextMatcher::Position& at, std::vector<TextSegment>& segments) {
  if (at.taken < text.size()) segments.push_back({text.size(), false});
  at.taken = at.search = text.size();
}

class LiteralMatcher final : public TextMatcher {
 public:
  explicit LiteralMatcher(std::string literal) : literal_(std::move(literal)) {}

  void find(std::string_view text, Position& at, std::vector<TextSegment>& segments) const override {
    for (std::size_t i = 0; i < kWordsAtATime && at.taken < text.size(); ++i) {
      const std::size_t found = literal_.empty() ? std::string_view::npos : text.find(literal_, at.search);
      if (found == std::string_view::npos) return append_rest(text, at, segments);
      append_match(found, found + literal_.size(), at, segments);
    }
  }

 private:
  std::string literal_;
};

class CharacterMatcher final : public TextMatcher {
 public:
  explicit CharacterMatcher(std::uint16_t traits) : wanted_(traits) {}

  void find(std::string_view text, Position& at, std::vector<TextSegment>& segments) const override {
    const std::size_t enough = segments.size() + kWordsAtATime;
    for (std::size_t i = at.search; i < text.size() && segments.size() < enough;) {
      std::uint32_t length;
      const bool match = traits_.at(text.data() + i, length) & wanted_;
      if (match) append_match(i, i + length, at, segments);
      i += length;
      at.search = i;
    }
    if (at.search == text.size()) append_rest(text, at, segments);
  }

 private:
  const CodePointTraits& traits_ = CodePointTraits::get();
  std::uint16_t wanted_;
};

}  // namespace

std::unique_ptr<TextMatcher> make_literal_matcher(std::string literal) {
  return std::make_unique<LiteralMatcher>(std::move(literal));
}

std::unique_ptr<TextMatcher> make_character_matcher(std::uint16_t traits) {
  return std::make_unique<CharacterMatcher>(traits);
}

}  // namespace trireme::text
