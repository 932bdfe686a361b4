// BPE over bytes. A byte that the vocabulary lacks (SmolLM's lack some control characters) is dropped, and its
// neighbours may merge, as in Hugging Face tokenizers.
#include <array>
#include <cstdint>
#include <limits>

#include "base/error.hpp"
#include "io/text/byte_level.hpp"
#include "io/text/model/word_model.hpp"

namespace trireme::text {
namespace {

using base::InputError;
using base::str;

class ByteBpe final : public WordModel {
 public:
  ByteBpe(const TokenizerDefinition& definition, const IdsBySpelling& ids)
      : byte_ids_(ids_of_bytes(ids)), merges_(merges_by_id(definition, ids)) {
    if (!definition.ignore_merges) return;
    for (const auto& [spelling, id] : definition.vocabulary) {
      if (auto bytes = read_spelling(spelling)) whole_words_.emplace(std::move(*bytes), id);
    }
  }

  std::size_t encode(std::string_view word, std::uint32_t* out, Scratch& scratch) const override {
    if (!whole_words_.empty()) {
      scratch.spelled.assign(word);
      const auto found = whole_words_.find(scratch.spelled);
      if (found != whole_words_.end()) {
        *out = found->second;
        return 1;
      }
    }
    std::size_t count = 0;
    for (const char c : word) {
      out[count] = byte_ids_[static_cast<unsigned char>(c)];
      count += out[count] != kNoToken ? 1 : 0;
    }
    return count == 0 ? 0 : merges_.merge(out, count, scratch.merging);
  }

 private:
  static constexpr std::uint32_t kNoToken = std::numeric_limits<std::uint32_t>::max();

  static std::array<std::uint32_t, 256> ids_of_bytes(const IdsBySpelling& ids) {
    std::array<std::uint32_t, 256> byte_ids;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const auto found = ids.find(spell_bytes({&c, 1}));
      byte_ids[byte] = found == ids.end() ? kNoToken : found->second;
    }
    return byte_ids;
  }

  std::array<std::uint32_t, 256> byte_ids_;
  MergeTable merges_;
  IdsBySpelling whole_words_;  // by their bytes; filled for ignore_merges
};

}  // namespace

std::vector<Merge> merges_by_id(const TokenizerDefinition& definition, const IdsBySpelling& ids) {
  const auto id = [&ids](const std::string& spelling) {
    const auto found = ids.find(spelling);
    if (found == ids.end()) {
      throw InputError(str("the tokenizer's vocabulary lacks the token ", spelling, ", which its merges need"));
    }
    return found->second;
  };
  const std::size_t prefix = definition.continuing_prefix.size();
  std::vector<Merge> list;
  list.reserve(definition.merges.size());
  for (const auto& [left, right] : definition.merges) {
    if (!right.starts_with(definition.continuing_prefix)) {
      throw InputError(str("the tokenizer's merge of ", left, " and ", right, " lacks the prefix ",
                           definition.continuing_prefix, " of tokens inside words"));
    }
    list.push_back({id(left), id(right), id(left + right.substr(prefix))});
  }
  return list;
}

std::unique_ptr<WordModel> make_byte_bpe(const TokenizerDefinition& definition, const IdsBySpelling& ids) {
  return std::make_unique<ByteBpe>(definition, ids);
}

namespace {

bool has_all_bytes(const IdsBySpelling& ids) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (!ids.contains(spell_bytes({&c, 1}))) return false;
  }
  return true;
}

}  // namespace

std::unique_ptr<WordModel> make_model(const TokenizerDefinition& definition, const IdsBySpelling& ids) {
  if (definition.model == ModelKind::kWordPiece) return make_word_piece(definition, ids);
  if (definition.byte_level && definition.byte_fallback && !has_all_bytes(ids)) {
    throw InputError(
        "its model sets byte_fallback after ByteLevel, whose alphabet its vocabulary lacks in part, which Trireme does "
        "not read");
  }
  const bool plain = definition.continuing_prefix.empty() && definition.end_suffix.empty();
  // A byte without a token becomes the unknown token where there is one: that is the other model's affair.
  const bool unknown = definition.unknown && !has_all_bytes(ids);
  return definition.byte_level && plain && !unknown ? make_byte_bpe(definition, ids)
                                                    : make_character_bpe(definition, ids);
}

}  // namespace trireme::text
