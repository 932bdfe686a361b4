// Errors that a user may see. what() is one sentence: what happened, to which object, what to do next.
#pragma once

#include <algorithm>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>

namespace trireme::base {

/// Exit codes of the program (docs/options.md lists them for users).
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadInput = 2;
inline constexpr int kExitStopped = 75;

/// A failure at run time: exit code 1; starting again may help.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bad input or options: exit code 2; starting again would not help.
class InputError : public Error {
 public:
  using Error::Error;
};

/// The program was asked to stop before there was anything to save: exit code 75; starting again goes on.
class Stopped : public Error {
 public:
  using Error::Error;
};

/// A failed system call on a file. `code` is the errno value.
class IoError : public Error {
 public:
  IoError(const std::string& what, int code) : Error(what), code_(code) {}
  int code() const noexcept { return code_; }

 private:
  int code_;
};

/// Whether the file system had no room (ENOSPC, EDQUOT).
bool is_full_disk(const std::exception& error) noexcept;

/// 2 for InputError, 75 for Stopped, 1 for everything else.
int exit_code(const std::exception& error) noexcept;

/// Throws the error that another process reported, from its exit code (not 0) and its text.
[[noreturn]] void throw_with_code(int code, const std::string& message);

/// Turns what() into one sentence for a person. LibTorch's backtrace is cut off; a failed allocation and a thread that
/// could not be started get a sentence of our own.
std::string failure_text(const std::exception& error);

/// All arguments streamed into one string.
template <typename... Args>
std::string str(const Args&... args) {
  std::ostringstream out;
  (out << ... << args);
  return out.str();
}

/// The candidate with the smallest edit distance to `word`, or "" when none is near
/// (distance above a third of the word's length, at least 2).
template <typename Range>
std::string nearest(const std::string& word, const Range& candidates);

/// Levenshtein distance in characters.
std::size_t edit_distance(const std::string& a, const std::string& b);

template <typename Range>
std::string nearest(const std::string& word, const Range& candidates) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, std::string(candidate));
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace trireme::base
