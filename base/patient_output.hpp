// Output that does not make a training wait for whoever reads it.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace trireme::base {

/// Writes to a pipe or a terminal as much as it takes at once and keeps the rest, which goes first at the next call.
/// After Ctrl-C Open MPI's mpirun reads nothing for two seconds before it kills its ranks; its pseudo-terminal holds
/// 4 KB: a rank that waited for room would not save in that time. Not thread-safe.
class PatientOutput {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 20;  ///< bytes kept; beyond that a call waits after all

  /// `descriptor` stays open while the object lives. A file that is neither pipe nor terminal, or that cannot be opened
  /// anew, is written as usual.
  explicit PatientOutput(int descriptor);
  PatientOutput(const PatientOutput&) = delete;
  PatientOutput& operator=(const PatientOutput&) = delete;
  /// Waits until all is written, or nobody can read it any more.
  ~PatientOutput();

  void write(std::string_view text);

 private:
  void write_kept(std::size_t most_left);

  int descriptor_;
  int own_;  ///< the same file, opened anew so that it alone does not block; -1: none
  std::string kept_;
};

/// From now on write_text() does not wait for the reader of standard output; what is kept is written at the program's
/// end. Call it before other threads print.
void do_not_wait_for_stdout();

/// Writes `text` to `stream` and flushes it. Thread-safe.
void write_text(std::FILE* stream, std::string_view text);

/// False, and nothing is written, unless do_not_wait_for_stdout() was called: else writes `text` to standard output.
/// Thread-safe.
bool write_without_waiting(std::string_view text);

}  // namespace trireme::base
