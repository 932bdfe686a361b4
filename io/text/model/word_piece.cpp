// WordPiece: the longest token from the left, again and again; a word with a part that has none is unknown.
#include <algorithm>

#include "base/error.hpp"
#include "io/text/byte_level.hpp"
#include "io/text/model/word_model.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

using base::InputError;
using base::str;

/// The tokens that may begin at a place: a trie over bytes, its edges in one hash table.
class TokenTrie {
 public:
  void add(std::string_view spelling, std::uint32_t id) {
    std::uint32_t node = 0;
    for (const char c : spelling) {
      const auto [edge, added] = edges_.try_emplace(key(node, c), static_cast<std::uint32_t>(tokens_.size()));
      if (added) tokens_.push_back(kNone);
      node = edge->second;
    }
    tokens_[node] = id;
  }

  /// The longest token that `text` begins with; stores its length. kNone without one.
  std::uint32_t longest(std::string_view text, std::size_t& length) const {
    std::uint32_t node = 0, best = kNone;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto edge = edges_.find(key(node, text[i]));
      if (edge == edges_.end()) break;
      node = edge->second;
      if (tokens_[node] == kNone) continue;
      best = tokens_[node];
      length = i + 1;
    }
    return best;
  }

  static constexpr std::uint32_t kNone = 0xFFFFFFFF;

 private:
  struct Mixed {
    std::size_t operator()(std::uint64_t key) const noexcept { return (key * 0x9E3779B97F4A7C15ULL) >> 20; }
  };
  static std::uint64_t key(std::uint32_t node, char c) {
    return std::uint64_t{node} << 8 | static_cast<unsigned char>(c);
  }

  std::unordered_map<std::uint64_t, std::uint32_t, Mixed> edges_;
  std::vector<std::uint32_t> tokens_{kNone};
};

class WordPiece final : public WordModel {
 public:
  WordPiece(const TokenizerDefinition& definition, const IdsBySpelling& ids) : definition_(definition) {
    const std::string& prefix = definition.continuing_prefix;
    for (const auto& [spelling, id] : definition.vocabulary) {
      first_.add(spelling, id);
      if (spelling.starts_with(prefix) && spelling.size() > prefix.size()) {
        inner_.add(std::string_view(spelling).substr(prefix.size()), id);
      }
    }
    const auto unknown = ids.find(definition.unknown.value_or(""));
    if (unknown != ids.end()) unknown_ = unknown->second;
  }

  std::size_t encode(std::string_view word, std::uint32_t* out, Scratch& scratch) const override {
    if (definition_.byte_level) {
      scratch.spelled = spell_bytes(word);
      word = scratch.spelled;
    }
    if (too_long(word)) return unknown(word, out);
    std::size_t count = 0;
    for (std::size_t i = 0; i < word.size();) {
      std::size_t length = 0;
      const std::uint32_t id = (i == 0 ? first_ : inner_).longest(word.substr(i), length);
      if (id == TokenTrie::kNone) return unknown(word, out);
      out[count++] = id;
      i += length;
    }
    return count;
  }

 private:
  bool too_long(std::string_view word) const {
    if (word.size() <= definition_.longest_word) return false;
    std::size_t characters = 0;
    for (const char c : word) characters += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    return characters > definition_.longest_word;
  }

  std::size_t unknown(std::string_view word, std::uint32_t* out) const {
    if (unknown_ == TokenTrie::kNone) {
      std::size_t shown = std::min<std::size_t>(word.size(), 100);  // of the bytes, up to a character's end
      while (shown < word.size() && (static_cast<unsigned char>(word[shown]) & 0xC0) == 0x80) --shown;
      throw InputError(str("the text holds the word \"", word.substr(0, shown),
                           "\", for which the tokenizer has no token, "
                           "and its vocabulary lacks its unknown token ",
                           definition_.unknown.value_or("")));
    }
    *out = unknown_;
    return 1;
  }

  const TokenizerDefinition& definition_;
  TokenTrie first_, inner_;
  std::uint32_t unknown_ = TokenTrie::kNone;
};

}  // namespace

std::unique_ptr<WordModel> make_word_piece(const TokenizerDefinition& definition, const IdsBySpelling& ids) {
  return std::make_unique<WordPiece>(definition, ids);
}

}  // namespace trireme::text
