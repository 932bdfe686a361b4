// A tokenizer's model: one word to token ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "io/text/model/merge_table.hpp"
#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {

using IdsBySpelling = std::unordered_map<std::string, std::uint32_t>;

/// Immutable and thread-safe.
class WordModel {
 public:
  virtual ~WordModel() = default;

  /// Buffers for one thread.
  struct Scratch {
    MergeTable::Scratch merging;
    std::string spelled;
  };

  /// Writes the tokens of `word` (well-formed UTF-8, not empty, as it stands in the text) to `out`, which has room for
  /// word.size() + 4, and returns their number. Throws InputError where Hugging Face's model fails: for a character
  /// without token, when the model names an unknown token that the vocabulary lacks.
  virtual std::size_t encode(std::string_view word, std::uint32_t* out, Scratch& scratch) const = 0;
};

/// The model of a definition. `ids` is its vocabulary, without tokens that are only added; both must outlive the model.
/// Throws InputError for a vocabulary that lacks what the merges or a byte-level alphabet need.
std::unique_ptr<WordModel> make_model(const TokenizerDefinition& definition, const IdsBySpelling& ids);

std::unique_ptr<WordModel> make_byte_bpe(const TokenizerDefinition& definition, const IdsBySpelling& ids);
std::unique_ptr<WordModel> make_character_bpe(const TokenizerDefinition& definition, const IdsBySpelling& ids);
std::unique_ptr<WordModel> make_word_piece(const TokenizerDefinition& definition, const IdsBySpelling& ids);

/// The merges of a definition by ids. Throws InputError naming a token that the vocabulary lacks.
std::vector<Merge> merges_by_id(const TokenizerDefinition& definition, const IdsBySpelling& ids);

}  // namespace trireme::text
