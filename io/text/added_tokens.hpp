// Finds added tokens in text, as Hugging Face's AddedVocabulary does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "io/text/tokenizer_definition.hpp"
#include "io/text/unicode_classes.hpp"

namespace trireme::text {

/// Finds the leftmost match, and the longest of those that begin there. Thread-safe.
class AddedTokenFinder {
 public:
  /// Throws InputError for a token of more than kLongest bytes, since each place of a text may take as many steps.
  AddedTokenFinder(const std::vector<AddedToken>& tokens, std::shared_ptr<const UnicodeClasses> classes);

  static constexpr std::size_t kLongest = 1024;

  bool empty() const noexcept { return tokens_.empty(); }

  struct Match {
    /// The bytes of the token in the text, with the white space that lstrip and rstrip swallow. A token of white space
    /// may lie in what the token before it swallowed. Then its bytes begin before `floor`, or with lstrip they are
    /// empty, and the token counts for nothing.
    std::size_t begin = 0, end = 0;
    std::uint32_t id = 0;
    std::size_t swallowed = 0;  ///< next()'s own: where the white space ends that the last rstrip swallowed
  };

  /// Finds the next token at or after byte `search` of `text`; `match` is the one before in the same text, or new.
  /// Time O(bytes of the text) for all of its tokens, but for the steps of the constructor's limit. `floor`: where the
  /// text that is not yet taken begins (lstrip stops there). On success `search` moves behind the token's own
  /// characters. Returns false when there is none. Throws InputError where Hugging Face's code fails: a token with
  /// lstrip that ends inside what is taken.
  bool next(std::string_view text, std::size_t& search, std::size_t floor, Match& match) const;

 private:
  struct Node {
    std::vector<std::pair<unsigned char, std::uint32_t>> children;
    std::int64_t token = -1;
  };

  const AddedToken* longest_at(std::string_view text, std::size_t position) const;
  std::size_t candidate(std::string_view text, std::size_t from) const;
  bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) const;

  std::vector<AddedToken> tokens_;
  std::shared_ptr<const UnicodeClasses> classes_;
  std::vector<Node> nodes_;
  bool first_bytes_[256] = {};
  int only_first_byte_ = -1;
};

}  // namespace trireme::text
