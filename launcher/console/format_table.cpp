#include <algorithm>
#include <limits>

#include "base/display_width.hpp"
#include "base/printable.hpp"
#include "base/terminal.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::size_t kGap = 2;

bool holds(const std::vector<std::size_t>& columns, std::size_t column) {
  return std::ranges::find(columns, column) != columns.end();
}

/// The columns of a table that are shown, and their widths.
class Layout {
 public:
  Layout(const Rows& rows, const TableShape& shape) : rows_(rows), shape_(shape) {
    for (const auto& row : rows) {
      natural_.resize(std::max(natural_.size(), row.size()), 0);
      for (std::size_t c = 0; c < row.size(); ++c) natural_[c] = std::max(natural_[c], base::display_width(row[c]));
    }
    for (std::size_t c = 0; c < natural_.size(); ++c) shown_.push_back(c);
    widths_ = natural_;
  }

  void fit(std::size_t width) {
    constexpr std::size_t kComfortable = 16, kLeast = 4;
    for (const std::size_t spare : shape_.spare) {
      if (shrink(width, kComfortable)) return;
      std::erase(shown_, spare);
      left_out_.push_back(spare);
      widths_ = natural_;
    }
    if (!shrink(width, kComfortable)) shrink(width, kLeast);
  }

  std::string text() const {
    std::string text;
    for (const auto& row : rows_) text += row_text(row);
    std::string names;
    for (const std::size_t column : shown_of(left_out_)) names += (names.empty() ? "" : ", ") + rows_.front()[column];
    return names.empty() ? text : text + "(a wider window also shows: " + names + ")\n";
  }

 private:
  std::size_t total() const {
    std::size_t cells = shown_.empty() ? 0 : kGap * (shown_.size() - 1);
    for (const std::size_t column : shown_) cells += widths_[column];
    return cells;
  }
  /// Whether the column holds text, which can be shortened; numbers cannot.
  bool is_text(std::size_t column) const { return !holds(shape_.right, column); }

  /// Narrows columns of text, the widest first, but none below `least`, and the last one, which is wrapped, not below
  /// one and a half times `least`. Returns whether the table fits.
  bool shrink(std::size_t width, std::size_t least) {
    while (total() > width) {
      std::size_t widest = natural_.size();
      for (const std::size_t column : shown_) {
        const std::size_t floor = column == shown_.back() ? least + least / 2 : least;
        if (!is_text(column) || widths_[column] <= floor) continue;
        if (widest == natural_.size() || widths_[column] >= widths_[widest]) widest = column;
      }
      if (widest == natural_.size()) return false;
      --widths_[widest];
    }
    return true;
  }

  std::vector<std::size_t> shown_of(std::vector<std::size_t> columns) const {
    std::ranges::sort(columns);
    return columns;
  }

  std::string row_text(const std::vector<std::string>& row) const {
    std::vector<std::string> cells;
    std::vector<std::string> further;  // the further lines of the last column, which is wrapped
    for (const std::size_t column : shown_) {
      const std::string cell = column < row.size() ? row[column] : "";
      if (column == shown_.back() && is_text(column)) {
        further = base::wrapped(cell, widths_[column]);
        cells.push_back(further.front());
        further.erase(further.begin());
      } else {
        cells.push_back(is_text(column) ? base::cut_middle(cell, widths_[column]) : cell);
      }
    }
    std::string text = line_text(cells);
    for (const std::string& part : further) {
      std::vector<std::string> line(shown_.size());
      line.back() = part;
      text += line_text(line);
    }
    return text;
  }

  std::string line_text(const std::vector<std::string>& cells) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::size_t cell = base::display_width(cells[i]);
      const std::string padding(widths_[shown_[i]] > cell ? widths_[shown_[i]] - cell : 0, ' ');
      if (i > 0) line.append(kGap, ' ');
      line += is_text(shown_[i]) ? cells[i] + padding : padding + cells[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line + '\n';
  }

  const Rows& rows_;
  const TableShape& shape_;
  std::vector<std::size_t> natural_, widths_;
  std::vector<std::size_t> shown_, left_out_;
};

}  // namespace

std::string format_table(const Rows& rows, const TableShape& shape, std::size_t width) {
  if (rows.empty()) return "";
  Rows cells = rows;
  for (auto& row : cells) std::ranges::for_each(row, [](std::string& cell) { cell = base::printable(cell); });
  Layout layout(cells, shape);
  layout.fit(width);
  return layout.text();
}

std::string format_table(const Rows& rows, const TableShape& shape) {
  return format_table(rows, shape, base::terminal_columns(1).value_or(std::numeric_limits<std::size_t>::max()));
}

}  // namespace trireme::launcher
