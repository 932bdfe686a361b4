// Output that does not make a training run wait for its reader.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace trireme::base {

/// Writes as much as the pipe or terminal takes at once, keeps the rest, and writes that first at the next call.
/// Reason: after Ctrl-C Open MPI's mpirun reads nothing for two seconds and then kills its ranks, and its
/// pseudo-terminal holds 4 KB, so a rank that waited for room would not save in that time. Not thread-safe.
class PatientOutput {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 20;  ///< most bytes kept; beyond that a call waits

  /// `descriptor` must stay open while the object lives. A file that is neither pipe nor terminal, or that cannot be
  /// opened a second time, is written as usual.
  explicit PatientOutput(int descriptor);
  PatientOutput(const PatientOutput&) = delete;
  PatientOutput& operator=(const PatientOutput&) = delete;
  /// Waits until everything is written, or nobody can read it any more.
  ~PatientOutput();

  void write(std::string_view text);

 private:
  void write_kept(std::size_t most_left);

  int descriptor_;
  int own_;  ///< the same file, opened a second time as non-blocking; -1: none
  std::string kept_;
};

/// From now on write_text() does not wait for the reader of standard output. What is kept is written when the program
/// ends. Call it before other threads print.
void do_not_wait_for_stdout();

/// Writes `text` to `stream` and flushes it. Thread-safe.
void write_text(std::FILE* stream, std::string_view text);

/// Writes `text` to standard output when do_not_wait_for_stdout() was called; otherwise writes nothing and returns
/// false. Thread-safe.
bool write_without_waiting(std::string_view text);

}  // namespace trireme::base
