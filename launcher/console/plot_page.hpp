// What `trireme plot` prints: curves of runs, and a table with their newest and lowest values. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace trireme::launcher {

/// One field of one run. Points in the order of steps; x is finite.
struct PlottedCurve {
  std::string run;  ///< any text: the page escapes it
  std::string field;
  std::vector<double> x, y;
  bool marks = false;  ///< a validation's: drawn as "o"
  std::size_t run_number = 0;
};

struct PageShape {
  std::string metric;
  std::string x = "steps";  ///< "steps", "tokens" or "hours"
  std::size_t smooth = 1;   ///< values that lines are averaged over
  bool log_y = false;
  bool colours = false;  ///< without them each run gets a panel of its own, all with the same axes
  std::size_t columns = 80;
  std::size_t rows = 0;  ///< of a panel; 0 = fitting
};

/// Throws base::InputError when nothing can be drawn.
std::string plot_page(const std::vector<PlottedCurve>& curves, const PageShape& shape);

}  // namespace trireme::launcher
