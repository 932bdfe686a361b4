// Aligned columns for a person.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace trireme::launcher {

/// Characters on a terminal: UTF-8 continuation bytes take no place.
inline std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// Columns are as wide as their widest cell; those named in `right` (by index) are aligned to the right. No trailing
/// spaces.
inline std::string format_table(const std::vector<std::vector<std::string>>& rows,
                                const std::vector<std::size_t>& right = {}) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - width_of(row[c]), ' ');
      const bool to_the_right = std::count(right.begin(), right.end(), c) > 0;
      if (c > 0) line += "  ";
      line += to_the_right ? padding + row[c] : row[c] + padding;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

/// "812 B", "1.5 GB" (powers of 1000).
inline std::string format_bytes(std::uint64_t bytes) {
  const char* const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit < 5) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 99.5 ? "%.0f %s" : "%.1f %s", value, units[unit]);
  return text;
}

}  // namespace trireme::launcher
