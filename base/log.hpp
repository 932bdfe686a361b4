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

  /// One line, newline added. Escaped as base::printable() does; so is warn's.
  void info(std::string_view line) const;
  /// One line that begins with "warning: ".
  void warn(std::string_view line) const;
  /// A text of several lines, a table, its last newline included. Names in it must be printable by themselves.
  void text(std::string_view lines) const;
  bool silent() const noexcept { return stream_ == nullptr; }

 private:
  std::FILE* stream_ = nullptr;
};

/// One line on stderr, escaped as base::printable() does: a note beside the answer on standard output.
void print_note(std::string_view line);
/// The same, begun with "warning: ".
void print_warning(std::string_view line);

/// The last line of a failing program: "trireme: <what>" on stderr, escaped as base::printable() does. Line ends stay
/// where two spaces follow (a table of ours below the cause), so no name in `what` can begin a line.
void print_failure(std::string_view what);

}  // namespace trireme::base
