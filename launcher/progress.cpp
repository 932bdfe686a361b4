#include "launcher/progress.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "base/error.hpp"
#include "base/terminal.hpp"
#include "launcher/format.hpp"

namespace trireme::launcher {
namespace {

constexpr int kBarCells = 24;

}  // namespace

Progress::Progress(std::FILE* stream, std::string what)
    : stream_(stream),
      what_(std::move(what)),
      terminal_(stream != nullptr && base::on_terminal(::fileno(stream))),
      start_(Clock::now()),
      last_(start_) {}

std::string Progress::bar(double fraction) const {
  std::string cells = "[";
  const int full = static_cast<int>(fraction * kBarCells);
  for (int i = 0; i < kBarCells; ++i) cells += i < full ? '#' : '.';
  return cells + "] ";
}

void Progress::update(std::uint64_t done, std::uint64_t total, std::string_view detail) {
  if (stream_ == nullptr) return;
  const auto now = Clock::now();
  if (now - last_ < (terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(30000))) return;
  last_ = now;
  std::string line = what_ + " ";
  if (total > 0) {
    const double fraction = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    const double elapsed = std::chrono::duration<double>(now - start_).count();
    if (terminal_) line += bar(fraction);
    line += base::str(static_cast<int>(fraction * 100), "%, ");
    if (fraction > 0.001) line += format_duration(elapsed * (1 - fraction) / fraction) + " left, ";
  }
  line += detail;
  std::fputs(((terminal_ ? "\r\x1b[K" : "") + line + (terminal_ ? "" : "\n")).c_str(), stream_);
  std::fflush(stream_);
  drawn_ = terminal_;
}

void Progress::finish() {
  if (drawn_) std::fputs("\r\x1b[K", stream_);
  drawn_ = false;
}

}  // namespace trireme::launcher
