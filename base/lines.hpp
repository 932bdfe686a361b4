// Reads the lines of a file of any size while holding only a few of them in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/file_system.hpp"

namespace trireme::base {

/// A longer line is not one of ours.
inline constexpr std::size_t kLongestLine = std::size_t{1} << 20;

/// A piece of a file that ends with a newline, with the file, or because it is too long for a line.
struct Line {
  std::string_view text;    ///< without the newline; valid until the next call
  std::uint64_t begin = 0;  ///< the bytes of the file that hold it, its newline included
  std::uint64_t end = 0;
  bool whole = false;  ///< it begins at a line's start and ends with a newline
  bool torn = false;   ///< the file ends before its newline
};

/// Reads a file from its start, and holds at most two blocks of kLongestLine bytes. The file must outlive it.
class LineReader {
 public:
  explicit LineReader(File& file) : file_(file) {}
  /// False at the end of the file.
  bool next(Line& line);

 private:
  void read_more();
  void take(std::size_t bytes, bool newline, Line& line);

  File& file_;
  std::string buffer_;
  std::size_t taken_ = 0;     ///< bytes of the buffer that were returned
  std::uint64_t offset_ = 0;  ///< in the file, of the buffer's end
  bool at_end_ = false;
  bool at_line_start_ = true;
};

/// Calls visit(text) for the whole lines, without their newlines, from the last one backwards until it returns false.
/// Skips a torn last line and lines that are too long.
void for_each_line_backwards(File& file, const std::function<bool(std::string_view text)>& visit);

}  // namespace trireme::base
