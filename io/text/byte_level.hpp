// The byte-level alphabet: each byte spelled as one printable character (GPT-2's table), so that a token is text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trireme::text {

/// The spelling of `bytes`: "Ġ" for a space, "A" for an A, "Ã©" for the two bytes of é.
std::string spell_bytes(std::string_view bytes);

/// The bytes that a spelling stands for; nothing when a character is outside the alphabet.
std::optional<std::string> read_spelling(std::string_view spelling);

/// The code point that spells a byte.
char32_t byte_character(unsigned char byte) noexcept;

}  // namespace trireme::text
