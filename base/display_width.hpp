// How much room text takes on a terminal, in cells: what bars, tables and help texts are laid out by.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::base {

/// Cells that UTF-8 text takes: 2 for wide East Asian characters and emoji, 0 for combining marks, 1 for every other
/// character and for a byte that is no UTF-8. Control characters count 1: whoever prints them escapes them first.
std::size_t display_width(std::string_view text);

/// `text` in at most `width` cells, by its two ends with "…" between them: of a path, the beginning and the name.
std::string cut_middle(std::string_view text, std::size_t width);

/// `text` in lines of at most `width` cells (at least 1), broken at blanks; longer words are broken anywhere. At least
/// one line. Line breaks in `text` stay.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

}  // namespace trireme::base
