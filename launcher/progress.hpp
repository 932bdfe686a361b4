// How far a long command is: a bar on a terminal, a line now and then in a log file.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace trireme::launcher {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  /// `stream` must outlive this object; a null one stays silent. `what` begins every line ("preparing").
  Progress(std::FILE* stream, std::string what);

  /// `done` of `total` (0: not known) units; `detail` follows. Drawn at most 10 times a second on a terminal, else
  /// one line every 30 seconds.
  void update(std::uint64_t done, std::uint64_t total, std::string_view detail);
  /// Wipes the bar. Lines printed to the same stream afterwards begin at the left.
  void finish();

 private:
  std::string bar(double fraction) const;

  std::FILE* stream_;
  std::string what_;
  bool terminal_;
  bool drawn_ = false;
  Clock::time_point start_;
  Clock::time_point last_;
};

}  // namespace trireme::launcher
