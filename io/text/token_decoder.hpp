// Tokens to text, as the decoders of Hugging Face tokenizers do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {

/// The steps of a decoder while tokens go through them one by one. Not thread-safe; cheap to make. `steps` must outlive
/// it.
class TokenDecoder {
 public:
  explicit TokenDecoder(const std::vector<DecoderStep>& steps);

  /// Takes the spelling of the next token and appends the text that is certain now to `out`: always valid UTF-8.
  void push(std::string_view spelling, std::string& out);

  /// Appends what is left; the decoder is then as new.
  void finish(std::string& out);

 private:
  /// What a step remembers between tokens.
  struct Memory {
    std::size_t tokens = 0;  ///< how many came
    std::string held;        ///< text or bytes that wait for what follows
    std::size_t left = 0;    ///< kStrip: characters that may still go
  };

  /// Hands a part of a token to step `step`; `begins`: it is the token's first part.
  void feed(std::size_t step, std::string text, bool begins, std::string& out);
  void feed_byte_level(std::size_t step, const std::string& text, std::string& out);
  void feed_byte_fallback(std::size_t step, std::string text, std::string& out);
  void feed_strip(std::size_t step, const std::string& text, bool begins, std::string& out);
  void feed_word_piece(std::size_t step, std::string text, std::string& out);
  void end_byte_run(std::size_t step, std::string& out);
  void end(std::size_t step, std::string& out);

  const std::vector<DecoderStep>& steps_;
  std::vector<Memory> memories_;
};

/// The bytes that a token adds in the middle of a text.
std::string bytes_of_token(const std::vector<DecoderStep>& steps, std::string_view spelling);

}  // namespace trireme::text
