#include "base/lines.hpp"

#include <algorithm>

namespace trireme::base {

void LineReader::read_more() {
  buffer_.erase(0, taken_);
  taken_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kLongestLine);
  const std::size_t count = file_.pread(buffer_.data() + before, kLongestLine, offset_);
  buffer_.resize(before + count);
  offset_ += count;
  at_end_ = count < kLongestLine;
}

void LineReader::take(std::size_t bytes, bool newline, Line& line) {
  line.text = std::string_view(buffer_).substr(taken_, bytes);
  line.begin = offset_ - (buffer_.size() - taken_);
  line.end = line.begin + bytes + (newline ? 1 : 0);
  line.whole = newline && at_line_start_;
  line.torn = false;
  at_line_start_ = newline;
  taken_ += bytes + (newline ? 1 : 0);
}

bool LineReader::next(Line& line) {
  for (std::size_t searched = taken_;;) {
    const std::size_t newline = buffer_.find('\n', searched);
    if (newline != std::string::npos) {
      take(newline - taken_, true, line);
      return true;
    }
    const std::size_t left = buffer_.size() - taken_;
    if (at_end_ && left == 0) return false;
    if (at_end_ || left >= kLongestLine) {
      take(left, false, line);
      line.torn = at_end_;
      return true;
    }
    read_more();
    searched = left;
  }
}

void for_each_line_backwards(File& file, const std::function<bool(std::string_view text)>& visit) {
  constexpr std::uint64_t kBlock = 65536;
  std::uint64_t offset = file.size();
  std::string text;  // from `offset` to the end of a line
  bool torn = true;  // nothing of it ended with a newline yet
  bool too_long = false;
  for (;;) {
    // text ends with the newline of the line that is looked for, which begins after the newline before.
    const std::size_t from = text.size() < 2 ? std::string::npos : text.size() - 2;
    const std::size_t newline = torn ? text.rfind('\n') : from == std::string::npos ? from : text.rfind('\n', from);
    if (newline == std::string::npos && offset > 0) {
      if (text.size() > kLongestLine) {
        too_long = true;
        text.erase(0, text.size() - 1);
      }
      std::string block(static_cast<std::size_t>(std::min(offset, kBlock)), '\0');
      offset -= block.size();
      block.resize(file.pread(block.data(), block.size(), offset));
      text.insert(0, block);
      continue;
    }
    const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
    const bool is_line = !torn && !too_long && !text.empty();
    if (is_line && !visit(std::string_view(text).substr(begin, text.size() - begin - 1))) return;
    if (newline == std::string::npos) return;
    text.resize(begin);
    torn = too_long = false;
  }
}

}  // namespace trireme::base
