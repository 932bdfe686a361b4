#include "base/display_width.hpp"

#include <algorithm>
#include <cstdint>
#include <span>

namespace trireme::base {
namespace {

struct Range {
  char32_t first, last;
};

// The blocks of wide characters (East Asian Width W and F, emoji); single exceptions in them do not matter here.
constexpr Range kWide[] = {{0x1100, 0x115F},   {0x231A, 0x231B},   {0x2E80, 0x303E},   {0x3041, 0x33FF},
                           {0x3400, 0x4DBF},   {0x4E00, 0x9FFF},   {0xA000, 0xA4CF},   {0xA960, 0xA97F},
                           {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},   {0xFE10, 0xFE19},   {0xFE30, 0xFE6F},
                           {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},   {0x16FE0, 0x18AFF}, {0x1AFF0, 0x1B2FF},
                           {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1F9FF}, {0x1FA70, 0x1FAFF},
                           {0x20000, 0x3FFFD}};
// Combining marks, which share the cell of the character before them, and invisible characters.
constexpr Range kZero[] = {{0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x0610, 0x061A},  {0x064B, 0x065F},
                           {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E}, {0x1160, 0x11FF},  {0x1AB0, 0x1AFF},
                           {0x1DC0, 0x1DFF}, {0x200B, 0x200F}, {0x2060, 0x2064}, {0x20D0, 0x20FF},  {0x3099, 0x309A},
                           {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF}, {0xE0100, 0xE01EF}};

bool is_in(std::span<const Range> ranges, char32_t character) {
  const auto after = std::ranges::upper_bound(ranges, character, {}, &Range::first);
  return after != ranges.begin() && character <= std::prev(after)->last;
}

struct Piece {
  std::size_t bytes;
  std::size_t cells;
};

/// The first character of `text`, which must not be empty.
Piece first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80             ? 1
                             : (byte(0) & 0xE0) == 0xC0 ? 2
                             : (byte(0) & 0xF0) == 0xE0 ? 3
                             : (byte(0) & 0xF8) == 0xF0 ? 4
                                                        : 0;
  if (length == 0 || length > text.size()) return {1, 1};
  char32_t character = length == 1 ? byte(0) : byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {1, 1};
    character = character << 6 | (byte(i) & 0x3FU);
  }
  return {length, is_in(kZero, character) ? 0U : is_in(kWide, character) ? 2U : 1U};
}

/// The number of bytes in the longest prefix that takes at most `width` cells.
std::size_t bytes_within(std::string_view text, std::size_t width) {
  std::size_t bytes = 0, cells = 0;
  while (bytes < text.size()) {
    const Piece piece = first_of(text.substr(bytes));
    if (cells + piece.cells > width) break;
    cells += piece.cells;
    bytes += piece.bytes;
  }
  return bytes;
}

/// The position at which the longest suffix of at most `width` cells begins.
std::size_t end_within(std::string_view text, std::size_t width) {
  std::size_t begin = 0;
  for (std::size_t cells = display_width(text); cells > width;) {
    const Piece piece = first_of(text.substr(begin));
    cells -= piece.cells;
    begin += piece.bytes;
  }
  return begin;
}

void wrap_line(std::string_view line, std::size_t width, std::vector<std::string>& lines) {
  const std::size_t before = lines.size();
  while (display_width(line) > width) {
    std::size_t end = bytes_within(line, width);
    const std::size_t blank = line.substr(0, end + 1).rfind(' ');
    const bool at_blank = blank != std::string_view::npos && line.find_first_not_of(' ') < blank;
    if (at_blank) end = blank;
    end = std::max(end, first_of(line).bytes);  // a wide character in one cell
    lines.emplace_back(line.substr(0, end));
    line.remove_prefix(end);
    line.remove_prefix(std::min(line.size(), line.find_first_not_of(' ')));
  }
  if (!line.empty() || lines.size() == before) lines.emplace_back(line);
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t cells = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Piece piece = first_of(text.substr(at));
    cells += piece.cells;
    at += piece.bytes;
  }
  return cells;
}

std::string cut_middle(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  // The end says more than the beginning: a file's name, a step's number.
  const std::size_t head = (width - 1) / 3;
  return std::string(text.substr(0, bytes_within(text, head))) + "…" +
         std::string(text.substr(end_within(text, width - 1 - head)));
}

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (;;) {
    const std::size_t newline = text.find('\n');
    wrap_line(text.substr(0, newline), std::max<std::size_t>(width, 1), lines);
    if (newline == std::string_view::npos) return lines;
    text.remove_prefix(newline + 1);
  }
}

}  // namespace trireme::base
