// Pre-tokenizer steps that classes of characters or the treatment of matches decide.
#include <array>

#include "base/error.hpp"
#include "io/text/normalize/code_point_traits.hpp"
#include "io/text/split/splitter.hpp"
#include "io/text/split/text_matcher.hpp"

namespace trireme::text {
namespace {

/// What a class splitter makes of a character.
enum class Role : std::uint8_t { kWord, kOtherWord, kAlone, kDropped };

/// Runs of characters of one role are pieces; those of kAlone are pieces one by one.
class ClassSplitter final : public Splitter {
 public:
  struct Rule {
    std::uint16_t traits;
    Role role;
  };

  /// The first rule with a trait of the character gives its role; kWord without one.
  explicit ClassSplitter(std::vector<Rule> rules) : rules_(std::move(rules)) {
    for (unsigned c = 0; c < 128; ++c) ascii_[c] = role_of(traits_[c]);
    for (const Rule& rule : rules_) drops_ |= rule.role == Role::kDropped;
  }

  bool drops() const override { return drops_; }

  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    const char* p = text.data() + position;
    const char* const end = text.data() + text.size();
    const std::size_t enough = lengths.size() + kWordsAtATime;
    while (p < end && lengths.size() < enough) {
      const char* const begin = p;
      const Role role = take(p);
      while (role != Role::kAlone && p < end) {
        const char* next = p;
        if (take(next) != role) break;
        p = next;
      }
      const auto length = static_cast<std::uint32_t>(p - begin);
      lengths.push_back(role == Role::kDropped ? length | trireme::text::kDropped : length);
    }
    position = static_cast<std::size_t>(p - text.data());
  }

 private:
  Role role_of(std::uint16_t traits) const {
    for (const Rule& rule : rules_) {
      if (traits & rule.traits) return rule.role;
    }
    return Role::kWord;
  }

  /// The role of the character at p, which it moves behind.
  Role take(const char*& p) const {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) {
      ++p;
      return ascii_[byte];
    }
    std::uint32_t length;
    const std::uint16_t traits = traits_.at(p, length);
    p += length;
    return role_of(traits);
  }

  const CodePointTraits& traits_ = CodePointTraits::get();
  std::vector<Rule> rules_;
  std::array<Role, 128> ascii_{};
  bool drops_ = false;
};

/// Any matcher and any treatment of its matches. The pieces of a text come in one call.
class BehaviorSplitter final : public Splitter {
 public:
  BehaviorSplitter(std::unique_ptr<TextMatcher> matcher, SplitBehavior behavior, bool invert)
      : matcher_(std::move(matcher)), behavior_(behavior), invert_(invert) {}

  bool drops() const override { return behavior_ == SplitBehavior::kRemoved; }

  void split(std::string_view text, std::size_t& position, std::vector<std::uint32_t>& lengths) const override {
    TextMatcher::Position at;
    std::vector<TextSegment> segments;
    Piece piece;  // the last one, which may still grow
    const auto flush = [&] {
      if (piece.end == piece.begin) return;
      const auto length = static_cast<std::uint32_t>(piece.end - piece.begin);
      lengths.push_back(piece.dropped ? length | kDropped : length);
    };
    do {
      segments.clear();
      matcher_->find(text, at, segments);
      for (const TextSegment& segment : segments) {
        const bool match = segment.match != invert_;
        if (piece.exists && joins(piece.last_match, match)) {
          piece.end = segment.end;
        } else {
          flush();
          piece = {piece.end, segment.end, true, match, match && behavior_ == SplitBehavior::kRemoved};
        }
        piece.last_match = match;
      }
    } while (!segments.empty());
    flush();
    position = text.size();
  }

 private:
  struct Piece {
    std::size_t begin = 0, end = 0;
    bool exists = false;
    bool last_match = false;
    bool dropped = false;
  };

  /// Whether a segment belongs to the piece of the segment before it.
  bool joins(bool before, bool match) const {
    switch (behavior_) {
      case SplitBehavior::kContiguous: return before == match;
      case SplitBehavior::kMergedWithPrevious: return match && !before;
      case SplitBehavior::kMergedWithNext: return !match && before;
      default: return false;
    }
  }

  std::unique_ptr<TextMatcher> matcher_;
  SplitBehavior behavior_;
  bool invert_;
};

std::unique_ptr<Splitter> make_pattern_splitter(const SplitStep& step, std::shared_ptr<const UnicodeClasses> classes) {
  // The known patterns leave no text between their matches.
  const bool matches_are_words =
      step.behavior == SplitBehavior::kIsolated || (step.behavior == SplitBehavior::kRemoved && step.invert);
  if (matches_are_words) {
    if (auto known = make_known_splitter(step.pattern, std::move(classes))) return known;
  }
  if (step.behavior == SplitBehavior::kIsolated) return make_oniguruma_splitter(step.pattern);
  return std::make_unique<BehaviorSplitter>(make_pattern_matcher(step.pattern), step.behavior, step.invert);
}

}  // namespace

std::unique_ptr<Splitter> make_step_splitter(const SplitStep& step, std::shared_ptr<const UnicodeClasses> classes) {
  using Kind = SplitStep::Kind;
  using Rules = std::vector<ClassSplitter::Rule>;
  switch (step.kind) {
    case Kind::kPattern: return make_pattern_splitter(step, std::move(classes));
    case Kind::kLiteral:
      return std::make_unique<BehaviorSplitter>(make_literal_matcher(step.pattern), step.behavior, step.invert);
    case Kind::kPunctuation:
      return std::make_unique<BehaviorSplitter>(make_character_matcher(kPunctuation), step.behavior, false);
    case Kind::kDigits: {
      const Role role = step.behavior == SplitBehavior::kIsolated ? Role::kAlone : Role::kOtherWord;
      return std::make_unique<ClassSplitter>(Rules{{kNumeric, role}});
    }
    case Kind::kWhitespace:
      return std::make_unique<ClassSplitter>(Rules{{kBlank, Role::kDropped}, {kWordCharacter, Role::kOtherWord}});
    case Kind::kWhitespaceSplit: return std::make_unique<ClassSplitter>(Rules{{kBlank, Role::kDropped}});
    case Kind::kBert:
      return std::make_unique<ClassSplitter>(Rules{{kBlank, Role::kDropped}, {kPunctuation, Role::kAlone}});
  }
  throw base::Error("a pre-tokenizer step of an unknown kind");
}

}  // namespace trireme::text
