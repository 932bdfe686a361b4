#include "launcher/console/plot_page.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/display_width.hpp"
#include "base/error.hpp"
#include "base/printable.hpp"
#include "launcher/console/curve_plot.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

std::string printed(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

std::string value_text(double value) { return std::isfinite(value) ? printed("%.6g", value) : "not finite"; }

std::string x_text(double x, const std::string& axis) {
  if (axis == "tokens") return format_count(x);
  return printed(axis == "hours" ? "%.2f" : "%.0f", x);
}

std::string title(const PageShape& shape) {
  std::string text = shape.metric + " over " + shape.x;
  if (shape.smooth > 1) text += base::str(", each point the mean of ", shape.smooth, " values");
  if (shape.log_y) text += ", logarithmic";
  return base::printable(text);
}

std::vector<Curve> drawn_curves(const std::vector<PlottedCurve>& curves, const PageShape& shape) {
  std::vector<Curve> drawn;
  for (const PlottedCurve& curve : curves) {
    const bool averaged = shape.smooth > 1 && !curve.marks;
    drawn.push_back({curve.x, averaged ? smoothed(curve.y, shape.smooth) : curve.y, curve.marks,
                     static_cast<int>(curve.run_number)});
  }
  return drawn;
}

std::size_t number_of_runs(const std::vector<PlottedCurve>& curves) {
  std::size_t number = 0;
  for (const PlottedCurve& curve : curves) number = std::max(number, curve.run_number + 1);
  return number;
}

// A line for each curve: the values are those of the file, whatever the drawing averages.
std::string legend(const std::vector<PlottedCurve>& curves, const PageShape& shape) {
  const std::string axis = shape.x == "steps" ? "step" : shape.x;
  std::vector<std::vector<std::string>> rows = {{"run", "metric", "last", "lowest", "at " + axis, "values", "gaps"}};
  bool gaps = false;
  for (const PlottedCurve& curve : curves) {
    std::size_t lowest = curve.y.size(), missing = 0;
    for (std::size_t i = 0; i < curve.y.size(); ++i) {
      const bool finite = std::isfinite(curve.y[i]);
      if (!finite || (shape.log_y && curve.y[i] <= 0)) ++missing;
      if (finite && (lowest == curve.y.size() || curve.y[i] < curve.y[lowest])) lowest = i;
    }
    gaps = gaps || missing > 0;
    const bool none = lowest == curve.y.size();
    rows.push_back({curve.run, curve.field + (curve.marks ? " (o)" : ""),
                    curve.y.empty() ? "-" : value_text(curve.y.back()), none ? "-" : value_text(curve.y[lowest]),
                    none ? "-" : x_text(curve.x[lowest], shape.x), std::to_string(curve.y.size()),
                    std::to_string(missing)});
  }
  if (!gaps) {
    for (auto& row : rows) row.pop_back();
  }
  std::string table = format_table(rows, {.right = {2, 3, 4, 5, 6}, .spare = {5, 6, 4}}, shape.columns);
  if (!shape.colours) return table;
  std::string text;
  std::size_t row = 0;
  for (std::size_t begin = 0; begin < table.size(); ++row) {
    const std::size_t end = table.find('\n', begin);
    const std::string line = table.substr(begin, end - begin);
    const bool head = row == 0 || row > curves.size();
    text += (head ? line : coloured(line, static_cast<int>(curves[row - 1].run_number))) + "\n";
    begin = end + 1;
  }
  return text;
}

std::size_t panel_rows(const PageShape& shape, std::size_t panels) {
  if (shape.rows > 0) return shape.rows;
  return panels == 1 ? 16 : std::max<std::size_t>(6, 24 / panels);
}

}  // namespace

std::string plot_page(const std::vector<PlottedCurve>& curves, const PageShape& shape) {
  const std::vector<Curve> drawn = drawn_curves(curves, shape);
  const auto ranges = ranges_of(drawn, shape.log_y);
  if (!ranges) {
    throw base::InputError(base::str("nothing to draw: ", shape.metric, " has no finite value",
                                     shape.log_y ? " above 0: leave --log away" : ""));
  }
  const std::size_t runs = number_of_runs(curves), panels = shape.colours ? 1 : std::max<std::size_t>(1, runs);
  PlotShape plot{shape.columns, panel_rows(shape, panels), shape.log_y, shape.colours, true};
  std::string text = title(shape) + "\n";
  if (panels == 1) return text + draw_curves(drawn, *ranges, plot) + legend(curves, shape);
  for (std::size_t run = 0; run < panels; ++run) {
    std::vector<Curve> panel;
    std::string name;
    for (std::size_t i = 0; i < curves.size(); ++i) {
      if (curves[i].run_number != run) continue;
      panel.push_back(drawn[i]);
      name = curves[i].run;
    }
    plot.x_labels = run + 1 == panels;
    text += base::cut_middle(base::printable(name), shape.columns) + "\n" + draw_curves(panel, *ranges, plot);
  }
  return text + legend(curves, shape);
}

}  // namespace trireme::launcher
