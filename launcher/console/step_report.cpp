#include "launcher/console/step_report.hpp"

#include <algorithm>
#include <vector>

#include "base/display_width.hpp"
#include "base/status_line.hpp"
#include "base/terminal.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

template <typename... Args>
std::string printed(const char* format, Args... args) {
  char text[100];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

struct Field {
  std::string text;
  int need;  ///< the part with the lowest value is left out first
};

std::vector<Field> fields_of(const StepReport& report) {
  const std::string steps = std::to_string(report.steps);
  std::vector<Field> fields = {
      {printed("step %*lld/%s", static_cast<int>(steps.size()), static_cast<long long>(report.step), steps.c_str()), 7},
      {printed("loss %.4f", report.loss), 5},
      {printed("norm %.3g", report.grad_norm), 1},
      {printed("lr %.2e", report.lr), 2},
      {format_duration(report.seconds), 3},
      {format_count(report.tokens_per_second) + " tokens/s", 4}};
  if (report.peak_share) fields.push_back({printed("%.0f%% of peak", 100.0 * *report.peak_share), 0});
  fields.push_back({"eta " + format_duration(report.seconds_left), 6});
  return fields;
}

std::string joined(const std::vector<Field>& fields) {
  std::string line;
  for (const Field& field : fields) line += (line.empty() ? "" : "  ") + field.text;
  return line;
}

}  // namespace

std::string format_step(const StepReport& report, std::size_t width) {
  std::vector<Field> fields = fields_of(report);
  while (fields.size() > 1 && base::display_width(joined(fields)) > width) {
    fields.erase(std::ranges::min_element(fields, {}, &Field::need));
  }
  return joined(fields);
}

std::string format_step_bar(const StepReport& report, std::size_t width) {
  constexpr std::size_t kLeast = 40;
  if (width < kLeast) return "";
  const std::size_t cells = std::clamp<std::size_t>(width / 5, 8, 30);
  const double share = static_cast<double>(report.step) / static_cast<double>(std::max<std::int64_t>(1, report.steps));
  const auto filled = static_cast<std::size_t>(static_cast<double>(cells) * std::clamp(share, 0.0, 1.0));
  std::string bar = "[";
  bar.append(filled, '=').append(">").append(cells - filled, ' ').append("] ");
  return bar + format_step(report, width - bar.size());
}

StepPrinter::StepPrinter(std::FILE* stream, std::int64_t every) : stream_(stream), every_(every) {}

StepPrinter::~StepPrinter() { base::clear_status(); }

void StepPrinter::print(const StepReport& report) {
  if (stream_ == nullptr) return;
  const auto columns = base::terminal_columns(::fileno(stream_));
  if (report.step % every_ == 0 || report.step == report.steps) {
    base::write_lines(stream_, (columns ? format_step(report, *columns) : format_step(report)) + "\n");
  }
  if (columns && report.step < report.steps) {
    base::draw_status(stream_, format_step_bar(report, *columns - 1));  // the last column would scroll
  }
}

}  // namespace trireme::launcher
