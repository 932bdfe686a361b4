// Shows the progress of a long command: a bar on a terminal, an occasional line in a log file.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace trireme::launcher {

/// What a bar shows.
struct ProgressView {
  std::string what;             ///< "preparing"
  std::optional<double> share;  ///< 0..1; nothing when the end is not known
  std::string left;             ///< "1m 12s"; "" when not known
  std::string detail;
};

/// "preparing [#####...................] 21%, 1m 12s left, 3.2M tokens" in at most `width` cells. With less room the
/// bar shrinks; then first the detail, then the bar is left out. "" when not even "preparing 21%" fits.
std::string progress_line(const ProgressView& view, std::size_t width);

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// `stream` must outlive this object; null makes it silent. `what` begins every line ("preparing").
  Progress(std::FILE* stream, std::string what);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() { finish(); }

  /// Shows `done` of `total` units (total 0 = not known), followed by `detail`. On a terminal it is drawn at most 10
  /// times a second, as wide as the window is then; elsewhere it writes one line every 30 seconds.
  void update(std::uint64_t done, std::uint64_t total, std::string_view detail);
  /// Wipes the bar.
  void finish();

 private:
  std::FILE* stream_;
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace trireme::launcher
