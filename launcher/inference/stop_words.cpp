#include "launcher/inference/stop_words.hpp"

#include <algorithm>
#include <utility>

namespace trireme::launcher {
namespace {

/// Bytes at the end of `text` that begin `word` without completing it.
std::size_t begun(std::string_view text, std::string_view word) {
  for (std::size_t length = std::min(text.size(), word.size() - 1); length > 0; --length) {
    if (text.ends_with(word.substr(0, length))) return length;
  }
  return 0;
}

}  // namespace

std::string StopWords::push(std::string_view piece) {
  if (found_) return "";
  held_ += piece;
  std::size_t first = std::string::npos, held = 0;
  for (const std::string& word : words_) {
    first = std::min(first, held_.find(word));
    held = std::max(held, begun(held_, word));
  }
  // A word that is still open may begin before one that is complete: "ab" complete, "xabc" open.
  const std::size_t certain = held_.size() - held;
  if (first == std::string::npos || first > certain) {
    std::string text = held_.substr(0, certain);
    held_.erase(0, certain);
    return text;
  }
  found_ = true;
  return std::exchange(held_, "").substr(0, first);
}

std::string StopWords::finish() {
  if (found_) return "";
  std::size_t first = std::string::npos;
  for (const std::string& word : words_) first = std::min(first, held_.find(word));
  found_ = first != std::string::npos;
  return std::exchange(held_, "").substr(0, first);
}

}  // namespace trireme::launcher
