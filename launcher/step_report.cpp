#include "launcher/step_report.hpp"

#include <algorithm>
#include <cmath>

#include "base/terminal.hpp"

namespace trireme::launcher {
namespace {

template <typename... Args>
std::string printed(const char* format, Args... args) {
  char text[200];
  std::snprintf(text, sizeof text, format, args...);
  return text;
}

std::string scaled(double value, const char* const* units, int count, double step) {
  int unit = 0;
  while (unit + 1 < count && value >= step) {
    value /= step;
    ++unit;
  }
  if (unit == 0) return printed("%.0f%s", value, units[0]);
  return printed(value < 10 ? "%.2f%s" : value < 100 ? "%.1f%s" : "%.0f%s", value, units[unit]);
}

}  // namespace

std::string format_duration(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 1) return printed("%.0f ms", seconds * 1000);
  if (seconds < 60) return printed("%.1f s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 3600) return printed("%lldm %02llds", whole / 60, whole % 60);
  if (whole < 86400) return printed("%lldh %02lldm", whole / 3600, whole % 3600 / 60);
  return printed("%lldd %02lldh", whole / 86400, whole % 86400 / 3600);
}

std::string format_count(double count) {
  static const char* const kUnits[] = {"", "k", "M", "G", "T", "P"};
  return scaled(count, kUnits, 6, 1000.0);
}

std::string format_bytes(double bytes) {
  static const char* const kUnits[] = {" B", " kB", " MB", " GB", " TB", " PB"};
  return scaled(bytes, kUnits, 6, 1000.0);
}

std::string format_step(const StepReport& report) {
  const std::string steps = std::to_string(report.steps);
  return printed("step %*lld/%s  loss %.4f  norm %.3g  lr %.2e  %s tokens/s  %.0f%% of peak  eta %s",
                 static_cast<int>(steps.size()), static_cast<long long>(report.step), steps.c_str(), report.loss,
                 report.grad_norm, report.lr, format_count(report.tokens_per_second).c_str(),
                 100.0 * report.peak_share, format_duration(report.seconds_left).c_str());
}

StepPrinter::StepPrinter(std::FILE* stream, std::int64_t every)
    : stream_(stream), every_(every), terminal_(stream != nullptr && base::on_terminal(::fileno(stream))) {}

StepPrinter::~StepPrinter() { clear_bar(); }

void StepPrinter::print(const StepReport& report) {
  if (stream_ == nullptr) return;
  const bool line = report.step % every_ == 0 || report.step == report.steps;
  if (line) {
    clear_bar();
    std::fprintf(stream_, "%s\n", format_step(report).c_str());
  }
  if (terminal_ && report.step < report.steps) {
    const int width = 30;
    const auto filled = static_cast<int>(width * report.step / std::max<std::int64_t>(1, report.steps));
    const std::string bar = std::string(static_cast<std::size_t>(filled), '=') + '>';
    std::fprintf(stream_, "\r[%-31s] %s\033[K", bar.c_str(), format_step(report).c_str());
    bar_shown_ = true;
  }
  std::fflush(stream_);
}

void StepPrinter::clear_bar() {
  if (!bar_shown_) return;
  std::fputs("\r\033[K", stream_);
  std::fflush(stream_);
  bar_shown_ = false;
}

}  // namespace trireme::launcher
