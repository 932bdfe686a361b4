// How many cells a text takes on a terminal. Bars, tables and help texts are laid out with it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::base {

/// Cells that UTF-8 text takes: 2 for wide East Asian characters and emoji, 0 for combining marks, 1 for every other
/// character and for a byte that is no UTF-8. Control characters count 1: whoever prints them escapes them first.
std::size_t display_width(std::string_view text);

/// Shortens `text` to at most `width` cells by replacing its middle with "…". A path keeps its beginning and its name.
std::string cut_middle(std::string_view text, std::size_t width);

/// Breaks `text` into lines of at most `width` cells (at least 1). It breaks at blanks, and words longer than a line
/// anywhere. Line breaks in `text` stay. Returns at least one line.
std::vector<std::string> wrapped(std::string_view text, std::size_t width);

}  // namespace trireme::base
