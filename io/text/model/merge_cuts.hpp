// Places where a long word of a BPE model may be cut without changing its tokens.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/text/split/splitter.hpp"
#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {

/// What the merges of a model over characters leave apart. A model of SentencePiece's kind takes a whole document for
/// one word, yet hardly any of its merges joins "x" and a following "▁": every token that begins with "▁" then begins
/// where a run of "▁" does.
///
/// Why a cut is right: merging only ever joins neighbours whose pair is in the table. When no pair (a, b) of the table
/// has the last character of a equal to x and the first character of b equal to y, nothing ever joins across a place
/// between x and y, whatever is merged on either side; so both sides can be merged alone. The first tokens must not
/// depend on the other side either: hence characters that have a token of their own, no prefixes or suffixes of words,
/// and no words that are tokens unmerged (ignore_merges).
class MergeCuts {
 public:
  /// `mark` is the character that stands for a space.
  MergeCuts(const TokenizerDefinition& definition, const std::string& mark);

  /// Whether any text may be cut between a character other than the mark and a following mark.
  bool before_marks() const noexcept { return before_marks_; }

  /// Whether a text may be cut between two characters.
  bool between(std::uint32_t left, std::uint32_t right) const;

 private:
  bool has_token(std::uint32_t character) const;
  std::size_t slot_of(std::uint64_t pair) const { return (pair * 0x9E3779B97F4A7C15ULL) >> shift_; }
  void insert(std::uint64_t pair);

  bool applicable_ = false;
  bool before_marks_ = false;
  std::vector<bool> characters_;      // those that have a token
  std::vector<std::uint64_t> pairs_;  // a hash table of the pairs that merges join, left << 32 | right
  unsigned shift_ = 63;
};

/// Cuts before the mark: before each one (`each`), or before each run of marks where the cuts allow that; and long
/// words wherever the cuts allow. Every one of these places is found from the bytes around it, in linear time.
std::unique_ptr<Splitter> make_mark_splitter(std::string mark, bool each, std::optional<MergeCuts> cuts);

}  // namespace trireme::text
