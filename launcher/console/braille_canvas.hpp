// A drawing of dots in Unicode's braille characters, each of which holds 2 x 4 of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace trireme::launcher {

class BrailleCanvas {
 public:
  /// In characters.
  BrailleCanvas(std::size_t columns, std::size_t rows);

  /// In dots.
  std::size_t width() const { return 2 * columns_; }
  std::size_t height() const { return 4 * rows_; }

  /// Draws the dot `x` from the left and `y` from the bottom; dots outside are left out. A character belongs to the
  /// last of several `owner`s who draw in it.
  void dot(std::size_t x, std::size_t y, int owner = 0);
  /// Draws all dots on the straight line between two dots.
  void line(std::size_t x0, std::size_t y0, std::size_t x1, std::size_t y1, int owner = 0);
  /// Puts `letter` in the place of the character that holds the dot.
  void mark(std::size_t x, std::size_t y, char letter, int owner = 0);

  struct Character {
    std::string text;  ///< " " where nothing was drawn
    int owner = kNobody;
  };
  static constexpr int kNobody = -1;
  /// `row` counts from the top.
  Character at(std::size_t column, std::size_t row) const;

 private:
  struct Cell {
    std::uint8_t dots = 0;
    char letter = '\0';
    int owner = kNobody;
  };
  Cell* cell_of(std::size_t x, std::size_t y);

  std::size_t columns_, rows_;
  std::vector<Cell> cells_;
};

/// Draws values as a row of at most `cells` block characters, from the lowest (▁) to the highest (█): "▇▅▃▂▁▁". More
/// values than cells are averaged in equal groups; a group without a finite value is a blank. Values that are all equal
/// are all drawn as ▄; no value gives "".
std::string sparkline(const std::vector<double>& values, std::size_t cells);

}  // namespace trireme::launcher
