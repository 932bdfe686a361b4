#include "launcher/run_directory/metrics_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/lines.hpp"
#include "launcher/run_directory/line_values.hpp"

namespace trireme::launcher {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kNoColumn = std::numeric_limits<std::size_t>::max();

constexpr std::int64_t kNoStep = -1;

// Gathers lines into columns.
class Columns {
 public:
  /// All fields are wanted when `wanted` is empty.
  explicit Columns(const std::vector<std::string>& wanted) : wanted_(wanted) {}

  void add(const LineValues& line) {
    learn(line.fields());
    if (const auto step = line.step()) {
      if (*step < step_) go_back(*step);
      step_ = *step;
    }
    bool wanted = false;
    for (const auto& [field, number] : line.values()) {
      wanted = wanted || columns_[field] != kNoColumn;
      if (field == time_field_ && !std::isnan(number)) time_ = number;
      if (field == tokens_field_ && !std::isnan(number)) tokens_ = number;
    }
    if (step_ == kNoStep || !wanted) return;
    const auto row = static_cast<std::uint32_t>(series_.steps.size());
    series_.steps.push_back(step_);
    series_.times.push_back(time_);
    series_.tokens.push_back(tokens_);
    for (const auto& [field, number] : line.values()) {
      if (columns_[field] != kNoColumn) add_value(columns_[field], row, number);
    }
  }

  MetricsSeries finish() && {
    std::erase_if(series_.fields, [](const SeriesField& field) { return field.rows.empty(); });
    return std::move(series_);
  }

 private:
  void learn(const std::vector<std::string>& fields) {
    for (std::size_t i = columns_.size(); i < fields.size(); ++i) {
      if (fields[i] == "time") time_field_ = i;
      if (fields[i] == "tokens") tokens_field_ = i;
      const bool wanted = wanted_.empty() || std::ranges::find(wanted_, fields[i]) != wanted_.end();
      columns_.push_back(wanted && i != LineValues::kStep ? series_.fields.size() : kNoColumn);
      if (columns_.back() == kNoColumn) continue;
      series_.fields.push_back({fields[i], {}, {}});
    }
  }

  // A program does these steps again: what it said of them before is out of date.
  void go_back(std::int64_t step) {
    for (SeriesField& field : series_.fields) {
      while (!field.rows.empty() && series_.steps[field.rows.back()] >= step) {
        field.rows.pop_back();
        field.values.pop_back();
      }
    }
  }

  void add_value(std::size_t column, std::uint32_t row, double value) {
    SeriesField& field = series_.fields[column];
    if (!field.rows.empty() && series_.steps[field.rows.back()] == step_) {
      field.rows.back() = row;
      field.values.back() = value;
      return;
    }
    field.rows.push_back(row);
    field.values.push_back(value);
  }

  const std::vector<std::string>& wanted_;
  std::vector<std::size_t> columns_;  // of the fields of LineValues
  std::size_t time_field_ = kNoColumn;
  std::size_t tokens_field_ = kNoColumn;
  MetricsSeries series_;
  std::int64_t step_ = kNoStep;  // of the line that told one last
  double time_ = kNone;
  double tokens_ = kNone;
};

}  // namespace

const SeriesField* MetricsSeries::find(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &SeriesField::name);
  return found != fields.end() ? &*found : nullptr;
}

MetricsSeries read_series(base::FileSystem& files, const std::filesystem::path& path,
                          const std::vector<std::string>& wanted) {
  if (!files.exists(path)) return {};
  const auto file = files.open_own(path, base::OpenMode::kRead);
  LineValues values;
  Columns columns(wanted);
  base::LineReader lines(*file);
  for (base::Line line; lines.next(line);) {
    if (line.whole && values.read(line.text)) columns.add(values);
  }
  return std::move(columns).finish();
}

std::vector<double> newest_values(base::FileSystem& files, const std::filesystem::path& path, const std::string& field,
                                  std::size_t count) {
  constexpr std::size_t kMost = std::size_t{256} << 10;
  std::vector<double> values;
  if (!files.exists(path)) return values;
  const auto file = files.open_own(path, base::OpenMode::kRead);
  LineValues line;
  std::size_t bytes = 0;
  std::optional<std::int64_t> step;
  base::for_each_line_backwards(*file, [&](std::string_view text) {
    bytes += text.size() + 1;
    if (bytes > kMost) return false;
    if (!line.read(text) || !line.step()) return true;
    if (step && *line.step() >= *step) return true;  // a later line told of this step
    const auto found = std::ranges::find_if(
        line.values(), [&](const LineValues::Value& value) { return line.fields()[value.field] == field; });
    if (found == line.values().end()) return true;
    step = line.step();
    values.push_back(found->number);
    return values.size() < count;
  });
  std::ranges::reverse(values);
  return values;
}

}  // namespace trireme::launcher
