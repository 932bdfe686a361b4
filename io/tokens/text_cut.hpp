// Finds places where a long text may be cut into pieces that are encoded one by one with the same ids as the whole.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "io/text/tokenizer_definition.hpp"

namespace trireme::tokens {

/// Takes a text and returns the largest safe position below its length; 0 when there is none.
using TextCut = std::function<std::size_t(std::string_view)>;

/// Cuts between an ASCII letter or digit and the space or newline after it, and returns an empty function where it is
/// not certain that this changes nothing. The piece after a cut must be encoded as TextPlace::kContinuation.
///
/// It is certain for the split patterns of GPT-2, Llama-3, Qwen2 and o200k, where a word always ends there and the next
/// one begins, whatever surrounds it (no alternative crosses from a letter or digit to white space, and the only
/// look-ahead follows white space), also after Digits or Punctuation; for pre-tokenizers that drop white space; and for
/// models of SentencePiece's kind whose merges join nothing to a following "▁" (io/text/model/merge_cuts.hpp). Normal
/// forms, lower case and BERT's normalizer never reach over such a place. It is not certain with other patterns, with
/// normalizers that strip or replace text, with an added token that reaches over such a place, or
/// with one that may end there when the normalizer has Prepend.
TextCut text_cut(const text::TokenizerDefinition& definition);

}  // namespace trireme::tokens
