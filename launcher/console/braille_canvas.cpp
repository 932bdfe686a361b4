#include "launcher/console/braille_canvas.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace trireme::launcher {

BrailleCanvas::BrailleCanvas(std::size_t columns, std::size_t rows)
    : columns_(columns), rows_(rows), cells_(columns * rows) {}

BrailleCanvas::Cell* BrailleCanvas::cell_of(std::size_t x, std::size_t y) {
  if (x >= width() || y >= height()) return nullptr;
  return &cells_[(rows_ - 1 - y / 4) * columns_ + x / 2];
}

void BrailleCanvas::dot(std::size_t x, std::size_t y, int owner) {
  // Unicode numbers the dots of a character by columns, the lowest row after the others (U+2800).
  static constexpr std::uint8_t kBits[2][4] = {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}};  // from the bottom
  Cell* cell = cell_of(x, y);
  if (cell == nullptr) return;
  cell->dots = static_cast<std::uint8_t>(cell->dots | kBits[x % 2][y % 4]);
  cell->owner = owner;
}

void BrailleCanvas::line(std::size_t x0, std::size_t y0, std::size_t x1, std::size_t y1, int owner) {
  const auto dx = static_cast<std::ptrdiff_t>(x1) - static_cast<std::ptrdiff_t>(x0);
  const auto dy = static_cast<std::ptrdiff_t>(y1) - static_cast<std::ptrdiff_t>(y0);
  const std::ptrdiff_t steps = std::max(std::abs(dx), std::abs(dy));
  for (std::ptrdiff_t i = 0; i <= steps; ++i) {
    const double share = steps == 0 ? 0.0 : static_cast<double>(i) / static_cast<double>(steps);
    dot(static_cast<std::size_t>(std::llround(static_cast<double>(x0) + share * static_cast<double>(dx))),
        static_cast<std::size_t>(std::llround(static_cast<double>(y0) + share * static_cast<double>(dy))), owner);
  }
}

void BrailleCanvas::mark(std::size_t x, std::size_t y, char letter, int owner) {
  Cell* cell = cell_of(x, y);
  if (cell == nullptr) return;
  cell->letter = letter;
  cell->owner = owner;
}

BrailleCanvas::Character BrailleCanvas::at(std::size_t column, std::size_t row) const {
  const Cell& cell = cells_[row * columns_ + column];
  if (cell.letter != '\0') return {std::string(1, cell.letter), cell.owner};
  if (cell.dots == 0) return {" ", kNobody};
  const char utf8[] = {'\xe2', static_cast<char>(0xa0 | (cell.dots >> 6)),
                       static_cast<char>(0x80 | (cell.dots & 0x3f))};
  return {std::string(utf8, sizeof utf8), cell.owner};
}

std::string sparkline(const std::vector<double>& values, std::size_t cells) {
  static constexpr std::array<const char*, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t groups = std::min(cells, values.size());
  std::vector<double> means;
  for (std::size_t group = 0; group < groups; ++group) {
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = group * values.size() / groups; i < (group + 1) * values.size() / groups; ++i) {
      if (!std::isfinite(values[i])) continue;
      sum += values[i];
      ++count;
    }
    means.push_back(count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN());
  }
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double mean : means) {
    if (!std::isfinite(mean)) continue;
    low = std::min(low, mean);
    high = std::max(high, mean);
  }
  std::string text;
  for (const double mean : means) {
    const double share = high > low ? (mean / 2 - low / 2) / (high / 2 - low / 2) : 0.4;
    text += std::isfinite(mean) ? kBlocks[std::min<std::size_t>(7, static_cast<std::size_t>(share * 8))] : " ";
  }
  return text;
}

}  // namespace trireme::launcher
