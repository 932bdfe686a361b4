#include "io/tokens/text_cut.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace trireme::tokens {
namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_gap(char c) { return c == ' ' || c == '\n'; }

bool known_pattern(const text::TokenizerDefinition& definition) {
  // Only the first step matters, since the later ones split its results one by one.
  if (definition.splits.empty()) return definition.use_gpt2_pattern;
  const std::array<std::string, 4> known = {text::kGpt2Pattern, text::kLlama3Pattern, text::kQwen2Pattern,
                                            text::kO200kPattern};
  return std::find(known.begin(), known.end(), definition.splits.front()) != known.end();
}

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

}  // namespace

TextCut text_cut(const text::TokenizerDefinition& definition) {
  if (!known_pattern(definition)) return {};
  if (std::any_of(definition.added_tokens.begin(), definition.added_tokens.end(), reaches_over)) return {};
  // ByteLevel puts a space before a text that does not begin with one, so then every piece must begin with a space.
  const bool newlines = !definition.add_prefix_space;
  return [newlines](std::string_view text) -> std::size_t {
    for (std::size_t at = text.size() - 1; at > 0; --at) {
      if (is_word(text[at - 1]) && (text[at] == ' ' || (newlines && text[at] == '\n'))) return at;
    }
    return 0;
  };
}

}  // namespace trireme::tokens
