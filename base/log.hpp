// Lines for a person. Rank 0 logs; the other ranks hold a silent Log, so call sites need no rank checks.
#pragma once

#include <cstdio>
#include <string_view>

namespace trireme::base {

/// Writes whole lines to a stream and flushes each. Not thread-safe across Log objects on one stream
/// beyond stdio's own line atomicity. The stream must outlive the Log.
class Log {
 public:
  /// A Log that drops everything.
  Log() = default;
  explicit Log(std::FILE* stream) : stream_(stream) {}

  /// One line, newline added.
  void info(std::string_view line) const;
  /// One line that begins with "warning: ".
  void warn(std::string_view line) const;
  bool silent() const noexcept { return stream_ == nullptr; }

 private:
  std::FILE* stream_ = nullptr;
};

/// The last line of a failing program: "trireme: <what>" on stderr. Newlines in `what` are kept,
/// so a caller puts the cause into the first line.
void print_failure(std::string_view what);

}  // namespace trireme::base
