#include "launcher/progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/error.hpp"
#include "base/terminal.hpp"

namespace trireme::launcher {
namespace {

constexpr int kBarCells = 24;

std::string duration(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  char text[32];
  if (whole >= 3600) {
    std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", static_cast<long long>(whole / 3600),
                  static_cast<long long>(whole / 60 % 60), static_cast<long long>(whole % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld:%02lld", static_cast<long long>(whole / 60),
                  static_cast<long long>(whole % 60));
  }
  return text;
}

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
    if (fraction > 0.001) line += duration(elapsed * (1 - fraction) / fraction) + " left, ";
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

std::string with_commas(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits;
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 6> kUnits = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  if (bytes < 1000) return base::str(bytes, " ", kUnits[0]);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.*f %s", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, kUnits[unit]);
  return text;
}

}  // namespace trireme::launcher
