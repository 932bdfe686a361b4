#include "launcher/options/help_text.hpp"

#include <algorithm>
#include <sstream>

#include "base/display_width.hpp"
#include "base/terminal.hpp"

namespace trireme::options {

std::string example_text(const std::string& example) {
  std::string text = "example:\n";
  std::istringstream lines(example);
  for (std::string line; std::getline(lines, line);) text += "  " + line + "\n";
  return text;
}

std::string table_text(const std::vector<HelpRow>& rows, std::size_t width) {
  constexpr std::size_t kLeastRight = 20;
  const std::size_t widest = width < 100 ? std::min<std::size_t>(24, width / 3) : 40;
  std::size_t left = 0;
  for (const HelpRow& row : rows) left = std::max(left, row.left.size() <= widest ? row.left.size() : 0);
  const std::size_t margin = left + 4;
  const std::size_t right = width == kUnlimited ? width : std::max(kLeastRight, width > margin ? width - margin : 0);
  std::string text;
  for (const HelpRow& row : rows) {
    if (!row.heading.empty()) text.append("\n").append(row.heading).append("\n");
    text.append("  ").append(row.left);
    bool beside = row.left.size() <= left;
    for (const std::string& line : base::wrapped(row.right, right)) {
      if (!beside) text.append("\n");
      text.append(beside ? left + 2 - row.left.size() : margin, ' ').append(line);
      beside = false;
    }
    text.append("\n");
  }
  return text;
}

std::size_t help_width() { return base::terminal_columns(1).value_or(kUnlimited); }

}  // namespace trireme::options
