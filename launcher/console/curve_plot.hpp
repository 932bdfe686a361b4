// Curves with axes as lines of text. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace trireme::launcher {

/// Points in the order of x, which is finite. Where y is not finite, or not above 0 on an axis of logarithms, the curve
/// has a gap.
struct Curve {
  std::vector<double> x, y;
  bool marks =
      false;      ///< draws points as "o" instead of a line: the last one, and before it what is four columns apart
  int owner = 0;  ///< chooses the colour
};

/// The smallest and the largest of something.
struct Range {
  double low = 0, high = 0;
};

/// The range of what is drawn of the curves, widened where it is a single number; nothing where no point is drawn.
struct PlotRanges {
  Range x, y;
};
std::optional<PlotRanges> ranges_of(const std::vector<Curve>& curves, bool log_y);

struct PlotShape {
  std::size_t columns = 80;  ///< of the whole text
  std::size_t rows = 16;     ///< of the curves alone
  bool log_y = false;
  bool colours = false;  ///< escape sequences of a terminal with 256 colours
  bool x_labels = true;  ///< values below the axis
};

/// A column of dots shows everything between the smallest and the largest of its points, and is joined to the next
/// column that has points where no gap is between them, so no value is lost however many points there are. No trailing
/// spaces.
std::string draw_curves(const std::vector<Curve>& curves, const PlotRanges& ranges, const PlotShape& shape);

/// `text` in the colour of an owner.
std::string coloured(const std::string& text, int owner);

/// Mean of the finite values among the `window` ones around each value (fewer at both ends): an even window has one
/// more before it than after it. What is not finite stays.
std::vector<double> smoothed(const std::vector<double>& values, std::size_t window);

}  // namespace trireme::launcher
