// The byte-level alphabet: each byte spelled as one printable character (GPT-2's table), so that a token is text.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace trireme::text {

/// "Ġ" for a space, "A" for an A, "Ã©" for the two bytes of é.
std::string spell_bytes(std::string_view bytes);

/// The bytes of a spelling, or nothing when a character is outside the alphabet.
std::optional<std::string> read_spelling(std::string_view spelling);

/// Code point that spells a byte.
char32_t byte_character(unsigned char byte) noexcept;

}  // namespace trireme::text
