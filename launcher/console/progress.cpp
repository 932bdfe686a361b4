#include "launcher/console/progress.hpp"

#include <algorithm>
#include <utility>

#include "base/display_width.hpp"
#include "base/error.hpp"
#include "base/status_line.hpp"
#include "base/terminal.hpp"
#include "launcher/console/format.hpp"

namespace trireme::launcher {
namespace {

/// "[##..] ", or "" when there are no cells for it.
std::string bar(double share, int cells) {
  if (cells == 0) return "";
  std::string text = "[";
  const int full = static_cast<int>(share * cells);
  for (int i = 0; i < cells; ++i) text += i < full ? '#' : '.';
  return text + "] ";
}

std::string line_of(const ProgressView& view, int cells, bool with_left, bool with_detail) {
  std::string text = view.what + " ";
  auto add = [&, first = true](const std::string& part) mutable {
    text += (std::exchange(first, false) ? "" : ", ") + part;
  };
  if (view.share) {
    text += bar(*view.share, cells);
    add(base::str(static_cast<int>(*view.share * 100), "%"));
  }
  if (with_left && !view.left.empty()) add(view.left + " left");
  if (with_detail && !view.detail.empty()) add(view.detail);
  return text;
}

}  // namespace

std::string progress_line(const ProgressView& view, std::size_t width) {
  struct Form {
    int cells;
    bool left, detail;
  };
  constexpr Form kForms[] = {{24, true, true},  {10, true, true}, {24, true, false},
                             {10, true, false}, {0, true, false}, {0, false, false}};
  for (const Form& form : kForms) {
    std::string line = line_of(view, form.cells, form.left, form.detail);
    if (base::display_width(line) <= width) return line;
  }
  return "";
}

Progress::Progress(std::FILE* stream, std::string what)
    : stream_(stream),
      what_(std::move(what)),
      terminal_(stream != nullptr && base::on_terminal(::fileno(stream))),
      start_(Clock::now()),
      last_(start_) {}

void Progress::update(std::uint64_t done, std::uint64_t total, std::string_view detail) {
  if (stream_ == nullptr) return;
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30000))) return;
  last_ = now;
  ProgressView view{what_, std::nullopt, "", std::string(detail)};
  if (total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    view.share = share;
    if (share > 0.001) view.left = format_duration(elapsed * (1 - share) / share);
  }
  if (!terminal_) {
    base::write_lines(stream_, line_of(view, 0, true, true) + "\n");
    return;
  }
  const auto columns = base::terminal_columns(::fileno(stream_));
  base::draw_status(stream_, progress_line(view, columns.value_or(1) - 1));  // the last column would scroll
  drawn_ = true;
}

void Progress::finish() {
  if (drawn_) base::clear_status();
  drawn_ = false;
}

}  // namespace trireme::launcher
