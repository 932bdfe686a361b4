// Finds the words that end a text while it is being written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trireme::launcher {

/// Passes a text on in pieces, up to the first place where one of the words begins. It holds back only what may be the
/// beginning of a word, and of two words that begin at the same place both end the text there.
class StopWords {
 public:
  /// No word may be empty.
  explicit StopWords(std::vector<std::string> words) : words_(std::move(words)) {}

  /// Takes the next piece of the text and returns what is certainly in front of any word. Once a word was found it
  /// returns nothing more.
  std::string push(std::string_view piece);
  /// The text has ended: returns what was held back.
  std::string finish();
  /// Whether a word was found.
  bool found() const { return found_; }

 private:
  std::vector<std::string> words_;
  std::string held_;
  bool found_ = false;
};

}  // namespace trireme::launcher
