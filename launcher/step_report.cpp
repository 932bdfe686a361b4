#include "launcher/step_report.hpp"

#include <algorithm>

#include "base/patient_output.hpp"
#include "base/terminal.hpp"
#include "launcher/format.hpp"

namespace trireme::launcher {
std::string format_step(const StepReport& report) {
  const std::string steps = std::to_string(report.steps);
  char line[200];
  std::snprintf(line, sizeof line, "step %*lld/%s  loss %.4f  norm %.3g  lr %.2e  %s tokens/s  %.0f%% of peak  eta %s",
                static_cast<int>(steps.size()), static_cast<long long>(report.step), steps.c_str(), report.loss,
                report.grad_norm, report.lr, format_count(report.tokens_per_second).c_str(), 100.0 * report.peak_share,
                format_duration(report.seconds_left).c_str());
  return line;
}

StepPrinter::StepPrinter(std::FILE* stream, std::int64_t every)
    : stream_(stream), every_(every), terminal_(stream != nullptr && base::on_terminal(::fileno(stream))) {}

StepPrinter::~StepPrinter() { clear_bar(); }

void StepPrinter::print(const StepReport& report) {
  if (stream_ == nullptr) return;
  const bool line = report.step % every_ == 0 || report.step == report.steps;
  if (line) {
    clear_bar();
    base::write_text(stream_, format_step(report) + '\n');
  }
  if (terminal_ && report.step < report.steps) {
    const int width = 30;
    const auto filled = static_cast<int>(width * report.step / std::max<std::int64_t>(1, report.steps));
    std::string bar = std::string(static_cast<std::size_t>(filled), '=') + '>';
    bar.resize(width + 1, ' ');
    base::write_text(stream_, "\r[" + bar + "] " + format_step(report) + "\033[K");
    bar_shown_ = true;
  }
}

void StepPrinter::clear_bar() {
  if (!bar_shown_) return;
  base::write_text(stream_, "\r\033[K");
  bar_shown_ = false;
}

}  // namespace trireme::launcher
