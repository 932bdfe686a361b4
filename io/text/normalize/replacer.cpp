// Replace: each match of a text or of a regular expression becomes another text.
#include <cstring>

#include "base/error.hpp"
#include "io/text/normalize/normalizer.hpp"
#include "io/text/split/text_matcher.hpp"

namespace trireme::text {
namespace {

/// One byte becomes a text: the spaces of SentencePiece's kind.
class ByteReplacer final : public TextRewriter {
 public:
  ByteReplacer(char from, std::string to) : from_(from), to_(std::move(to)) {}

  bool apply(std::string_view text, TextPlace /*place*/, std::string& out) const override {
    std::size_t count = 0;
    for (const char c : text) count += c == from_;
    if (count == 0) return false;
    out.resize(text.size() - count + count * to_.size());
    char* to = out.data();
    for (std::size_t i = 0; i < text.size();) {
      const void* const found = std::memchr(text.data() + i, from_, text.size() - i);
      const std::size_t next =
          found ? static_cast<std::size_t>(static_cast<const char*>(found) - text.data()) : text.size();
      to += text.copy(to, next - i, i);
      if (found) to += to_.copy(to, to_.size());
      i = next + 1;
    }
    return true;
  }

 private:
  char from_;
  std::string to_;
};

class MatchReplacer final : public TextRewriter {
 public:
  MatchReplacer(std::unique_ptr<TextMatcher> matcher, std::string content)
      : matcher_(std::move(matcher)), content_(std::move(content)) {
    std::string unused;
    apply("", TextPlace::kBeginning, unused);
  }

  bool apply(std::string_view text, TextPlace /*place*/, std::string& out) const override {
    out.clear();
    TextMatcher::Position at;
    std::vector<TextSegment> segments;
    bool changed = false;
    std::size_t begin = 0;
    do {
      segments.clear();
      matcher_->find(text, at, segments);
      for (const TextSegment& segment : segments) {
        // What the library puts there is in no character's place, and is found again or lost in later steps.
        if (segment.match && segment.end == begin) {
          throw base::InputError(
              "the pattern of its normalizer's Replace matches no characters, which Trireme does not do");
        }
        changed |= segment.match;
        if (segment.match) {
          out += content_;
        } else {
          out.append(text, begin, segment.end - begin);
        }
        begin = segment.end;
      }
    } while (!segments.empty());
    return changed;
  }

 private:
  std::unique_ptr<TextMatcher> matcher_;
  std::string content_;
};

}  // namespace

std::unique_ptr<TextRewriter> make_replacer(const NormalizerStep& step) {
  if (!step.regular && step.pattern.size() == 1) {
    return std::make_unique<ByteReplacer>(step.pattern.front(), step.content);
  }
  return std::make_unique<MatchReplacer>(
      step.regular ? make_pattern_matcher(step.pattern) : make_literal_matcher(step.pattern), step.content);
}

}  // namespace trireme::text
