// Finds places where a long text may be cut into pieces that are encoded one by one with the same ids as the whole.
#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include "io/text/tokenizer_definition.hpp"

namespace trireme::tokens {

/// Takes a text and returns the largest safe position below its length; 0 when there is none.
using TextCut = std::function<std::size_t(std::string_view)>;

/// Cuts between an ASCII letter or digit and the space or newline after it. In the split patterns of GPT-2, Llama-3,
/// Qwen2 and o200k a word always ends there and the next one begins, whatever surrounds it (no alternative crosses from
/// a letter or digit to white space, and the only look-ahead follows white space). Returns an empty function where this
/// is not certain: for another pattern, or an added token that reaches over such a place.
TextCut text_cut(const text::TokenizerDefinition& definition);

}  // namespace trireme::tokens
