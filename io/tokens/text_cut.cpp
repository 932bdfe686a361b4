#include "io/tokens/text_cut.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "io/text/model/merge_cuts.hpp"

namespace trireme::tokens {
namespace {

using text::NormalizerStep;
using text::SplitStep;
using text::TokenizerDefinition;

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_gap(char c) { return c == ' ' || c == '\n'; }

/// What a step does to a place between an ASCII letter or digit and the white space after it.
enum class Effect { kKeeps, kCuts, kUncertain };

Effect effect_of(const SplitStep& step) {
  switch (step.kind) {
    case SplitStep::Kind::kPattern: {
      const std::array<std::string, 4> known = {text::kGpt2Pattern, text::kLlama3Pattern, text::kQwen2Pattern,
                                                text::kO200kPattern};
      const bool words = step.behavior == text::SplitBehavior::kIsolated ||
                         (step.behavior == text::SplitBehavior::kRemoved && step.invert);
      return words && std::find(known.begin(), known.end(), step.pattern) != known.end() ? Effect::kCuts
                                                                                         : Effect::kUncertain;
    }
    // These look at each character by itself and at its neighbour's kind.
    case SplitStep::Kind::kDigits: return Effect::kKeeps;
    case SplitStep::Kind::kPunctuation:
      return step.behavior == text::SplitBehavior::kIsolated || step.behavior == text::SplitBehavior::kRemoved
                 ? Effect::kKeeps
                 : Effect::kUncertain;
    case SplitStep::Kind::kWhitespace:
    case SplitStep::Kind::kWhitespaceSplit:
    case SplitStep::Kind::kBert: return Effect::kCuts;
    case SplitStep::Kind::kLiteral: return Effect::kUncertain;
  }
  return Effect::kUncertain;
}

bool replaces_spaces(const NormalizerStep& step, const std::string& mark) {
  return step.kind == NormalizerStep::Kind::kReplace && !step.regular && step.pattern == " " && step.content == mark;
}

/// Whether the steps treat both sides of the place as they treat the whole: characters one by one, or as far as normal
/// forms reach, which is never over an ASCII space or line end.
bool normalizer_allows(const TokenizerDefinition& definition, const std::string& mark) {
  return std::all_of(definition.normalizer.begin(), definition.normalizer.end(), [&](const NormalizerStep& step) {
    if (step.kind == NormalizerStep::Kind::kStrip) return false;
    return step.kind != NormalizerStep::Kind::kReplace || replaces_spaces(step, mark);
  });
}

/// A model of SentencePiece's kind: spaces become marks, by the normalizer or by Metaspace, and the word ends there
/// either because it is cut or because no merge joins anything to a following mark. Only spaces are marked.
bool cuts_before_marks(const TokenizerDefinition& definition, const std::string& mark) {
  if (definition.byte_level) return false;
  const bool no_splits = std::all_of(definition.splits.begin(), definition.splits.end(), [](const SplitStep& step) {
    return step.kind == SplitStep::Kind::kLiteral && step.pattern == " ";  // finds nothing: no space is left
  });
  if (definition.metaspace) {
    if (!definition.normalizer.empty() || !definition.splits.empty()) return false;
    if (definition.metaspace->split) return true;
  } else {
    const auto& steps = definition.normalizer;
    const bool marked = std::any_of(steps.begin(), steps.end(),
                                    [&](const NormalizerStep& step) { return replaces_spaces(step, mark); });
    if (!marked || !no_splits) return false;
  }
  return text::MergeCuts(definition, mark).before_marks();
}

enum class Places { kNone, kSpaces, kSpacesAndLines };

Places places_of(const TokenizerDefinition& definition) {
  const std::string mark = definition.metaspace ? definition.metaspace->mark : text::Metaspace().mark;
  if (!normalizer_allows(definition, mark)) return Places::kNone;
  if (cuts_before_marks(definition, mark)) return Places::kSpaces;
  if (definition.metaspace) return Places::kNone;
  for (const NormalizerStep& step : definition.normalizer) {
    if (step.kind == NormalizerStep::Kind::kReplace) return Places::kNone;
  }
  Effect effect = Effect::kKeeps;
  for (const SplitStep& step : definition.splits) {
    if (effect == Effect::kKeeps) effect = effect_of(step);
  }
  // Later steps divide what the first ones cut, piece by piece.
  if (effect == Effect::kKeeps && definition.byte_level && definition.use_gpt2_pattern) effect = Effect::kCuts;
  if (effect != Effect::kCuts) return Places::kNone;
  // ByteLevel puts a space before a text that does not begin with one, so then every piece must begin with a space.
  return definition.add_prefix_space ? Places::kSpaces : Places::kSpacesAndLines;
}

/// Text that follows an added token gets what Prepend adds, and the piece after a cut does not.
bool may_end_at_cut(const text::AddedToken& token) { return !token.content.empty() && is_word(token.content.back()); }

// Whether the token, or the white space that it swallows, may lie on both sides of a cut; or whether it is found only
// at the beginning of a piece.
bool reaches_over(const text::AddedToken& token) {
  const std::string& content = token.content;
  for (std::size_t i = 1; i < content.size(); ++i) {
    if (is_word(content[i - 1]) && is_gap(content[i])) return true;
  }
  if (content.empty()) return true;
  return (token.rstrip && is_word(content.back())) || (token.single_word && is_gap(content.front()));
}

/// A token that is looked for in text that is not what it was: its characters may stand for white space, or a
/// normalizer may add some at its beginning.
bool is_normalized(const TokenizerDefinition& definition, const text::AddedToken& token) {
  return token.normalized && !definition.normalizer.empty();
}

}  // namespace

TextCut text_cut(const TokenizerDefinition& definition) {
  const Places places = places_of(definition);
  if (places == Places::kNone) return {};
  const auto& added = definition.added_tokens;
  if (std::any_of(added.begin(), added.end(), reaches_over)) return {};
  if (std::any_of(added.begin(), added.end(), [&](const auto& token) { return is_normalized(definition, token); })) {
    return {};
  }
  const bool prepends =
      std::any_of(definition.normalizer.begin(), definition.normalizer.end(),
                  [](const NormalizerStep& step) { return step.kind == NormalizerStep::Kind::kPrepend; });
  if (prepends && std::any_of(added.begin(), added.end(), may_end_at_cut)) return {};
  const bool newlines = places == Places::kSpacesAndLines;
  return [newlines](std::string_view text) -> std::size_t {
    for (std::size_t at = text.size() - 1; at > 0; --at) {
      if (is_word(text[at - 1]) && (text[at] == ' ' || (newlines && text[at] == '\n'))) return at;
    }
    return 0;
  };
}

}  // namespace trireme::tokens
