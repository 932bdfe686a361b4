// Python's str: its operations on code points, over UTF-8. All texts are well-formed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::jinja {

// --- code points ---

/// The code point at byte `at`; its length in bytes is added to `at`.
std::uint32_t next_code_point(std::string_view text, std::size_t& at);
void append_code_point(std::uint32_t point, std::string& out);
/// The byte at which code point number `index` begins; the text's size when it is shorter.
std::size_t byte_of(std::string_view text, std::size_t index);
std::size_t count_code_points(std::string_view text);
/// The first byte that begins no well-formed character, or the text's size.
std::size_t malformed_at(std::string_view text);

bool is_space(std::uint32_t point);      ///< str.isspace
bool is_printable(std::uint32_t point);  ///< str.isprintable, as repr() asks it

// --- case ---

std::string upper(std::string_view text);
std::string lower(std::string_view text);
std::string title(std::string_view text);
std::string capitalize(std::string_view text);
bool is_upper(std::string_view text);
bool is_lower(std::string_view text);

// --- parts ---

enum class Side : std::uint8_t { kLeft = 1, kRight = 2, kBoth = 3 };
/// Without `characters` (null) white space goes.
std::string_view strip(std::string_view text, Side side, const std::string_view* characters);
/// The last one where `from_right`. Returns npos when there is none. Linear in the lengths.
std::size_t find_text(std::string_view text, std::string_view part, bool from_right = false);
std::size_t count_text(std::string_view text, std::string_view part);
/// `most` below 0: all of them.
std::string replace_text(std::string_view text, std::string_view old, std::string_view with, std::int64_t most);

using Pieces = std::vector<std::string_view>;
/// str.split and str.rsplit; without `separator` (null) at white space. `most` below 0: no limit.
Pieces split(std::string_view text, const std::string_view* separator, std::int64_t most, bool from_right);
Pieces split_lines(std::string_view text, bool keep_ends);

// --- how values look ---

/// repr() of a str: in single quotes unless only those are in the text.
std::string repr_text(std::string_view text);
/// repr() of a float: the shortest digits that read back, "1.0", "1e+16", "nan".
std::string float_text(double value);
/// Appends a JSON string as json.dumps writes it.
void append_json_text(std::string_view text, bool ascii_only, std::string& out);
/// markupsafe.escape of a plain text.
std::string escaped(std::string_view text);

}  // namespace trireme::jinja
