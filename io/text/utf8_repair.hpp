// Makes any bytes valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace trireme::text {

/// Appends `bytes` to `out`, each maximal ill-formed subsequence replaced by one U+FFFD (Unicode 15, section 3.9,
/// table 3-8; what Python's errors="replace" does). Returns the number of replacements.
/// `final` false: a character cut off at the end is left out, and `*unused` is its length (0 to 3 bytes), to be put
/// in front of the next call's bytes. `final` true: it is replaced, and `*unused` is 0.
/// Example: "a\xE2\x82" + final = "a\uFFFD", 1 replacement.
std::uint64_t append_valid_utf8(std::string_view bytes, bool final, std::string& out, std::size_t* unused);

}  // namespace trireme::text
