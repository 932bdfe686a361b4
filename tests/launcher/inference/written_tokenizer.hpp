// A byte-level tokenizer for texts in tests: id 0 is <|endoftext|>, then come the 256 bytes, then some pairs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "io/text/bpe_trainer.hpp"
#include "io/text/tokenizer.hpp"

namespace trireme::tests {

inline text::Tokenizer byte_tokenizer(std::size_t vocabulary = 257) {
  text::TrainerOptions options;
  options.vocabulary = vocabulary;
  options.threads = 1;
  const auto source = [next = true](std::string& text) mutable {
    text = "the cat sat on the mat; the cats' hats";
    return std::exchange(next, false);
  };
  return text::Tokenizer::make(text::train_bpe(source, options).definition);
}

/// The token of one byte, which may be a part of a character.
inline std::uint32_t byte_id(const text::Tokenizer& tokenizer, char byte) {
  std::uint32_t id = 1;
  while (tokenizer.token(id) != std::string_view(&byte, 1)) ++id;
  return id;
}

}  // namespace trireme::tests
