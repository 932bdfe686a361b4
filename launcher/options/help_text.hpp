// The parts of which help texts are made.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace trireme::options {

inline constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

struct HelpRow {
  std::string left;
  std::string right;
  std::string heading = "";  ///< a line of its own before the row
};

/// "example:" and every line of `example`, indented.
std::string example_text(const std::string& example);

/// Makes two aligned columns. A left part that is too long for its column gets its right part on the next line. Right
/// parts are wrapped so that no line is wider than `width` cells, as far as the left column allows.
std::string table_text(const std::vector<HelpRow>& rows, std::size_t width = kUnlimited);

/// The width for text on standard output: the terminal's, kUnlimited where there is none.
std::size_t help_width();

}  // namespace trireme::options
