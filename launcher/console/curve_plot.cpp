#include "launcher/console/curve_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "launcher/console/axis_ticks.hpp"
#include "launcher/console/braille_canvas.hpp"

namespace trireme::launcher {
namespace {

bool is_drawn(double y, bool log_y) { return std::isfinite(y) && (!log_y || y > 0); }

// A single number is drawn in the middle of the axis, as far as doubles reach.
void widen(Range& range, bool log) {
  using Limits = std::numeric_limits<double>;
  if (range.low < range.high) return;
  if (log) {
    range = {range.low / 2, range.high * 2};
    range.low = std::max(range.low, Limits::denorm_min());
  } else {
    const double by = range.low == 0 ? 1 : std::max(std::abs(range.low) / 10, Limits::denorm_min());
    range = {range.low - by, range.high + by};
  }
  range.low = std::max(range.low, Limits::lowest());
  range.high = std::min(range.high, Limits::max());
}

// Where a value lies on an axis of `places` dots or characters.
class Scale {
 public:
  Scale(const Range& range, bool log, std::size_t places) : range_(range), log_(log), places_(places) {
    if (log_) range_ = {std::log(range.low), std::log(range.high)};
  }
  std::size_t place(double value) const {
    const double at = log_ ? std::log(value) : value;
    // Halves keep the difference of very large numbers finite.
    const double share = (at / 2 - range_.low / 2) / (range_.high / 2 - range_.low / 2);
    const double last = static_cast<double>(places_ - 1);
    return static_cast<std::size_t>(std::llround(std::clamp(share, 0.0, 1.0) * last));
  }

 private:
  Range range_;
  bool log_;
  std::size_t places_;
};

// The points of a curve that fall into one column of dots.
struct Column {
  std::size_t x = 0;
  std::size_t first = 0, last = 0, low = 0, high = 0;
};

void draw_column(BrailleCanvas& canvas, const Column& column, int owner) {
  canvas.line(column.x, column.low, column.x, column.high, owner);
}

void draw_line(BrailleCanvas& canvas, const Curve& curve, const Scale& x, const Scale& y, bool log_y) {
  std::optional<Column> open;  // the column that is being filled
  bool gap = true;
  for (std::size_t i = 0; i < curve.x.size(); ++i) {
    if (!is_drawn(curve.y[i], log_y)) {
      gap = true;
      continue;
    }
    const std::size_t at = x.place(curve.x[i]), height = y.place(curve.y[i]);
    if (open && open->x == at) {
      open->last = height;
      open->low = std::min(open->low, height);
      open->high = std::max(open->high, height);
    } else {
      if (open) draw_column(canvas, *open, curve.owner);
      if (open && !gap) canvas.line(open->x, open->last, at, height, curve.owner);
      open = Column{at, height, height, height, height};
    }
    gap = false;
  }
  if (open) draw_column(canvas, *open, curve.owner);
}

void draw_marks(BrailleCanvas& canvas, const Curve& curve, const Scale& x, const Scale& y, bool log_y) {
  constexpr std::size_t kApart = 8;  // dots: four columns
  std::optional<std::size_t> before;
  for (std::size_t i = curve.x.size(); i-- > 0;) {
    if (!is_drawn(curve.y[i], log_y)) continue;
    const std::size_t at = x.place(curve.x[i]);
    if (before && *before - std::min(*before, at) < kApart) continue;
    canvas.mark(at, y.place(curve.y[i]), 'o', curve.owner);
    before = at;
  }
}

// Labels of the vertical axis by row from the top; "" = no tick there.
std::vector<std::string> row_labels(const Range& range, const PlotShape& shape) {
  const std::size_t most = std::max<std::size_t>(2, (shape.rows + 1) / 2);
  const std::vector<Tick> ticks =
      shape.log_y ? log_ticks(range.low, range.high, most) : linear_ticks(range.low, range.high, most);
  const Scale scale(range, shape.log_y, 4 * shape.rows);
  std::vector<std::string> labels(shape.rows);
  for (const Tick& tick : ticks) labels[shape.rows - 1 - scale.place(tick.value) / 4] = tick.label;
  return labels;
}

std::string row_text(const BrailleCanvas& canvas, std::size_t columns, std::size_t row, bool colours) {
  std::string text, blanks;
  int colour = BrailleCanvas::kNobody;
  const auto change = [&](int owner) {
    if (!colours || owner == colour) return;
    if (colour != BrailleCanvas::kNobody) text += "\033[0m";
    if (owner != BrailleCanvas::kNobody) text += coloured("", owner);
    colour = owner;
  };
  for (std::size_t column = 0; column < columns; ++column) {
    const BrailleCanvas::Character character = canvas.at(column, row);
    if (character.text == " ") {
      blanks += " ";
      continue;
    }
    text += blanks;
    blanks.clear();
    change(character.owner);
    text += character.text;
  }
  change(BrailleCanvas::kNobody);
  return text;
}

std::string without_trailing_spaces(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// The horizontal axis, and below it the values of those ticks whose labels have a cell between them.
std::string x_axis(const Range& range, std::size_t columns, const std::string& margin, bool labelled) {
  const Scale scale(range, false, columns);
  std::vector<std::string> line(columns, "─");
  std::string labels;
  const std::size_t most = std::max<std::size_t>(2, columns / 10);
  for (const Tick& tick : linear_ticks(range.low, range.high, most)) {
    const std::size_t at = scale.place(tick.value), length = tick.label.size();
    if (length > columns) continue;
    const std::size_t begin = std::min(at - std::min(at, length / 2), columns - length);
    if (!labels.empty() && begin < labels.size() + 2) continue;
    labels.resize(begin, ' ');
    labels += tick.label;
    line[at] = "┬";
  }
  std::string text = margin + "└";
  for (const std::string& character : line) text += character;
  text += "\n";
  return labelled ? text + without_trailing_spaces(margin + " " + labels) + "\n" : text;
}

}  // namespace

std::optional<PlotRanges> ranges_of(const std::vector<Curve>& curves, bool log_y) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  PlotRanges ranges{{kInfinity, -kInfinity}, {kInfinity, -kInfinity}};
  for (const Curve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      if (!is_drawn(curve.y[i], log_y)) continue;
      ranges.x = {std::min(ranges.x.low, curve.x[i]), std::max(ranges.x.high, curve.x[i])};
      ranges.y = {std::min(ranges.y.low, curve.y[i]), std::max(ranges.y.high, curve.y[i])};
    }
  }
  if (ranges.x.low > ranges.x.high) return std::nullopt;
  widen(ranges.x, false);
  widen(ranges.y, log_y);
  return ranges;
}

std::string draw_curves(const std::vector<Curve>& curves, const PlotRanges& ranges, const PlotShape& shape) {
  const std::vector<std::string> labels = row_labels(ranges.y, shape);
  std::size_t label_width = 0;
  for (const std::string& label : labels) label_width = std::max(label_width, label.size());
  const std::size_t columns = std::max<std::size_t>(8, shape.columns - std::min(shape.columns, label_width + 2));
  BrailleCanvas canvas(columns, shape.rows);
  const Scale x(ranges.x, false, canvas.width()), y(ranges.y, shape.log_y, canvas.height());
  for (const Curve& curve : curves) {
    if (!curve.marks) draw_line(canvas, curve, x, y, shape.log_y);
  }
  for (const Curve& curve : curves) {
    if (curve.marks) draw_marks(canvas, curve, x, y, shape.log_y);
  }
  std::string text;
  for (std::size_t row = 0; row < shape.rows; ++row) {
    text += std::string(label_width - labels[row].size(), ' ') + labels[row] + (labels[row].empty() ? " │" : " ┤");
    text += row_text(canvas, columns, row, shape.colours) + "\n";
  }
  return text + x_axis(ranges.x, columns, std::string(label_width + 1, ' '), shape.x_labels);
}

std::string coloured(const std::string& text, int owner) {
  // These eight of the 256 colours stand out from each other, from white and from black.
  static constexpr std::array<int, 8> kColours = {32, 172, 71, 168, 140, 37, 136, 245};
  const std::string begin = "\033[38;5;" + std::to_string(kColours[static_cast<std::size_t>(owner) % 8]) + "m";
  return text.empty() ? begin : begin + text + "\033[0m";
}

std::vector<double> smoothed(const std::vector<double>& values, std::size_t window) {
  // Sums from the beginning of each block of `window` values, and to its end: any window is made of two of them. Sums
  // over all values would let one huge value spoil the means of all later ones.
  const std::size_t count = values.size();
  struct Sum {
    double sum = 0;
    std::size_t count = 0;
    void add(const Sum& other) {
      sum += other.sum;
      count += other.count;
    }
  };
  std::vector<Sum> until(count), from(count);
  for (std::size_t i = 0; i < count; ++i) {
    until[i] = from[i] = std::isfinite(values[i]) ? Sum{values[i], 1} : Sum{};
    if (i % window > 0) until[i].add(until[i - 1]);
  }
  for (std::size_t i = count; i-- > 0;) {
    if (i + 1 < count && (i + 1) % window > 0) from[i].add(from[i + 1]);
  }
  std::vector<double> means = values;
  for (std::size_t i = 0; i < count; ++i) {
    if (!std::isfinite(values[i])) continue;
    const std::size_t begin = i - std::min(i, window / 2);
    const std::size_t last = std::min(count - 1, i + (window - 1) / 2);
    Sum sum = begin % window == 0 ? Sum{} : from[begin];
    if (begin % window == 0 || begin / window != last / window) sum.add(until[last]);
    means[i] = sum.sum / static_cast<double>(sum.count);
  }
  return means;
}

}  // namespace trireme::launcher
