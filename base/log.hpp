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

  /// Writes one line and adds the newline. Escapes it as base::printable() does; so does warn().
  void info(std::string_view line) const;
  /// Writes one line that begins with "warning: ".
  void warn(std::string_view line) const;
  /// Writes a text of several lines that ends with a newline, such as a table. The caller makes names in it printable.
  void text(std::string_view lines) const;
  bool silent() const noexcept { return stream_ == nullptr; }

 private:
  std::FILE* stream_ = nullptr;
};

/// Writes one line to stderr, escaped as base::printable() does: a note beside the answer on standard output.
void print_note(std::string_view line);
/// Writes the same, preceded by "warning: ".
void print_warning(std::string_view line);

/// Writes the last line of a failing program, "trireme: <what>", to stderr, escaped as base::printable() does. Line
/// ends stay where two spaces follow (a table of ours below the cause), so no name in `what` can begin a line.
void print_failure(std::string_view what);

}  // namespace trireme::base
