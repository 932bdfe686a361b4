// BPE over characters, as SentencePiece's models and those of GPT-1's and CLIP's kind have it: characters without token
// become their bytes, or unknown, or nothing.
#include <array>
#include <cstdio>

#include "base/error.hpp"
#include "io/text/byte_level.hpp"
#include "io/text/model/word_model.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {
namespace {

using base::InputError;
using base::str;

constexpr std::uint32_t kNone = 0xFFFFFFFF;

std::uint32_t id_or_none(const IdsBySpelling& ids, const std::string& spelling) {
  const auto found = ids.find(spelling);
  return found == ids.end() ? kNone : found->second;
}

class CharacterBpe final : public WordModel {
 public:
  CharacterBpe(const TokenizerDefinition& definition, const IdsBySpelling& ids)
      : definition_(definition), ids_(ids), merges_(merges_by_id(definition, ids)) {
    affixes_ = !definition.continuing_prefix.empty() || !definition.end_suffix.empty();
    unknown_ = definition.unknown ? id_or_none(ids, *definition.unknown) : kNone;
    bytes_.fill(kNone);
    for (unsigned byte = 0; definition.byte_fallback && byte < 256; ++byte) {
      char spelling[8];
      std::snprintf(spelling, sizeof spelling, "<0x%02X>", byte);
      bytes_[byte] = id_or_none(ids, spelling);
    }
    ascii_.fill(kNone);
    for (const auto& [spelling, id] : definition.vocabulary) {
      if (spelling.empty()) continue;
      const CodePoint point = decode_code_point(spelling.data());
      if (point.length != spelling.size()) continue;
      if (point.value < ascii_.size()) {
        ascii_[point.value] = id;
      } else {
        characters_.emplace(point.value, id);
      }
    }
  }

  std::size_t encode(std::string_view word, std::uint32_t* out, Scratch& scratch) const override {
    if (definition_.byte_level) {
      scratch.spelled = spell_bytes(word);
      word = scratch.spelled;
    }
    if (definition_.ignore_merges) {
      if (const std::uint32_t id = id_or_none(ids_, std::string(word)); id != kNone) {
        *out = id;
        return 1;
      }
    }
    return merges_.merge(out, symbols(word, out), scratch.merging);
  }

 private:
  /// Writes the tokens that `word` consists of before any merge: at most one for each of its bytes, or one for each of
  /// its characters where these spell bytes. So there are no more than bytes in the text either way.
  std::size_t symbols(std::string_view word, std::uint32_t* out) const {
    std::size_t count = 0;
    std::uint32_t pending = kNone;  // an unknown token that is not yet written, since the next may be part of it
    for (std::size_t i = 0; i < word.size();) {
      const CodePoint point = decode_code_point(word.data() + i);
      const std::uint32_t id = symbol(point, word.substr(i, point.length), i == 0, i + point.length == word.size());
      const std::string_view character = word.substr(i, point.length);
      i += point.length;
      if (id != kNone) {
        if (pending != kNone) out[count++] = pending;
        pending = kNone;
        out[count++] = id;
      } else if (has_bytes(character)) {
        // A pending unknown token stays pending, so it comes after these bytes: as in Hugging Face's merge_word().
        for (const char c : character) out[count++] = bytes_[static_cast<unsigned char>(c)];
      } else if (definition_.unknown) {
        if (unknown_ == kNone) {
          throw InputError(str("the text holds \"", character,
                               "\", for which the tokenizer has no token, and its "
                               "vocabulary lacks its unknown token ",
                               *definition_.unknown));
        }
        if (pending != kNone && !definition_.fuse_unknown) out[count++] = pending;
        pending = unknown_;
      }
    }
    if (pending != kNone) out[count++] = pending;
    return count;
  }

  std::uint32_t symbol(CodePoint point, std::string_view character, bool first, bool last) const {
    if (affixes_) {
      std::string spelling = first ? "" : definition_.continuing_prefix;
      spelling += character;
      if (last) spelling += definition_.end_suffix;
      return id_or_none(ids_, spelling);
    }
    if (point.value < ascii_.size()) return ascii_[point.value];
    const auto found = characters_.find(point.value);
    return found == characters_.end() ? kNone : found->second;
  }

  /// What spells a byte must not become two tokens: encode()'s `out` has no room for them.
  bool has_bytes(std::string_view character) const {
    if (!definition_.byte_fallback || definition_.byte_level) return false;
    for (const char c : character) {
      if (bytes_[static_cast<unsigned char>(c)] == kNone) return false;
    }
    return true;
  }

  const TokenizerDefinition& definition_;
  const IdsBySpelling& ids_;
  MergeTable merges_;
  bool affixes_ = false;
  std::uint32_t unknown_ = kNone;
  std::array<std::uint32_t, 256> bytes_{};
  std::array<std::uint32_t, 128> ascii_{};
  std::unordered_map<std::uint32_t, std::uint32_t> characters_;
};

}  // namespace

std::unique_ptr<WordModel> make_character_bpe(const TokenizerDefinition& definition, const IdsBySpelling& ids) {
  return std::make_unique<CharacterBpe>(definition, ids);
}

}  // namespace trireme::text
