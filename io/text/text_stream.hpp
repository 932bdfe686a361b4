// Decodes tokens one by one into text that can be shown at once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/text/tokenizer.hpp"

namespace trireme::text {

/// Whatever push() and finish() return, in order, is exactly tokenizer.decode() of all ids pushed. Move-only; not
/// thread-safe.
class TextStream {
 public:
  /// Keeps a copy of the tokenizer (which is cheap). skip_special leaves special tokens out.
  explicit TextStream(Tokenizer tokenizer, bool skip_special = false);
  TextStream(TextStream&&) noexcept;
  TextStream& operator=(TextStream&&) noexcept;
  ~TextStream();

  /// Takes the next id and returns the text that is certain now: valid UTF-8, possibly empty (a part of a character,
  /// or bytes whose reading depends on what follows). Throws InputError for an id out of range.
  std::string push(std::uint32_t id);

  /// Returns what is left, U+FFFD for an incomplete character; the stream is then as new.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace trireme::text
