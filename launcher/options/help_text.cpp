#include "launcher/options/help_text.hpp"

#include <algorithm>
#include <sstream>

namespace trireme::options {

std::string example_text(const std::string& example) {
  std::string text = "example:\n";
  std::istringstream lines(example);
  for (std::string line; std::getline(lines, line);) text += "  " + line + "\n";
  return text;
}

std::string table_text(const std::vector<HelpRow>& rows) {
  constexpr std::size_t kWidest = 40;
  std::size_t width = 0;
  for (const HelpRow& row : rows) width = std::max(width, row.left.size() <= kWidest ? row.left.size() : 0);
  std::string text;
  for (const HelpRow& row : rows) {
    if (!row.heading.empty()) text.append("\n").append(row.heading).append("\n");
    text.append("  ").append(row.left);
    if (row.left.size() <= kWidest) {
      text.append(width + 2 - row.left.size(), ' ');
    } else {
      text.append("\n").append(width + 4, ' ');
    }
    text.append(row.right).append("\n");
  }
  return text;
}

std::string join(const std::vector<std::string>& words, const char* separator) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : separator) + word;
  return joined;
}

}  // namespace trireme::options
