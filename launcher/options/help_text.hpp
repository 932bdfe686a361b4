// The pieces that help texts are made of.
#pragma once

#include <string>
#include <vector>

namespace trireme::options {

struct HelpRow {
  std::string left;
  std::string right;
  std::string heading = "";  ///< a line of its own before the row
};

/// "example:" and every line of `example`, indented.
std::string example_text(const std::string& example);

/// Two aligned columns; a left part too long for its column gets its right part on the next line.
std::string table_text(const std::vector<HelpRow>& rows);

std::string join(const std::vector<std::string>& words, const char* separator);

}  // namespace trireme::options
