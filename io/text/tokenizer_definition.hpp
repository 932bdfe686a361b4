// The parts of a tokenizer as its files spell them, and reading and writing these files: tokenizer.json and GPT-2's
// pair.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/text/tokenizer.hpp"

namespace trireme::text {

/// A token that is found in the text before any splitting. Flags as in Hugging Face's AddedToken.
struct AddedToken {
  std::uint32_t id = 0;
  std::string content;       ///< UTF-8, not byte-level spelling
  bool single_word = false;  ///< only between non-word characters
  bool lstrip = false;       ///< swallows white space on its left
  bool rstrip = false;       ///< swallows white space on its right
  bool normalized = false;   ///< matched in a second pass, after the normalizer and after the others
  bool special = true;
};

/// One step that rewrites the text before it is split. A Sequence in the file is the list of its steps.
struct NormalizerStep {
  enum class Kind { kNfc, kNfd, kNfkc, kNfkd, kLowercase, kStrip, kStripAccents, kReplace, kPrepend, kBert };
  Kind kind = Kind::kNfc;
  std::string pattern;                          ///< kReplace: a regular expression or a plain text
  bool regular = false;                         ///< kReplace: which of them
  std::string content;                          ///< kReplace, kPrepend
  bool left = true, right = true;               ///< kStrip
  bool clean = true, part_chinese = true;       ///< kBert
  bool strip_accents = true, lowercase = true;  ///< kBert
};

/// What becomes of the matches of a split pattern, as SplitDelimiterBehavior.
enum class SplitBehavior { kIsolated, kRemoved, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// One step that cuts text into words.
struct SplitStep {
  enum class Kind { kPattern, kLiteral, kDigits, kPunctuation, kWhitespace, kWhitespaceSplit, kBert };

  SplitStep() = default;
  /// A regular expression whose matches are words, and the text between them (what most byte-level tokenizers have).
  SplitStep(std::string regular) : pattern(std::move(regular)) {}  // NOLINT(google-explicit-constructor)
  SplitStep(const char* regular) : pattern(regular) {}             // NOLINT(google-explicit-constructor)

  Kind kind = Kind::kPattern;
  std::string pattern;                                ///< kPattern, kLiteral
  SplitBehavior behavior = SplitBehavior::kIsolated;  ///< kPattern, kLiteral, kDigits, kPunctuation
  bool invert = false;                                ///< kPattern, kLiteral: what is between matches is the match
};

/// The step that marks spaces with a character, as SentencePiece does. It comes last.
struct Metaspace {
  enum class Prepend { kAlways, kFirst, kNever };
  std::string mark = "\xE2\x96\x81";   ///< one character
  Prepend prepend = Prepend::kAlways;  ///< whether a text that does not begin with the mark gets one
  bool split = true;                   ///< whether the text is cut before each mark
};

enum class ModelKind { kBpe, kWordPiece };

/// One step from tokens to text.
struct DecoderStep {
  /// kJoin puts a space between tokens: what a file without decoder means.
  enum class Kind { kJoin, kByteLevel, kReplace, kByteFallback, kFuse, kStrip, kMetaspace, kWordPiece, kBpe };
  Kind kind = Kind::kByteLevel;
  std::string pattern;    ///< kReplace: plain text; kStrip: a character; kMetaspace: the mark; kWordPiece: the prefix;
                          ///< kBpe: the suffix
  std::string content;    ///< kReplace
  std::size_t start = 0;  ///< kStrip: how many characters at the beginning at most
  bool flag = true;       ///< kMetaspace: leading marks are dropped; kWordPiece: clean up spaces before punctuation
};

/// What a tokenizer.json says: normalize, split, spell bytes or spaces as characters, apply the model. The defaults are
/// byte-level BPE with GPT-2's pattern.
struct TokenizerDefinition {
  std::vector<NormalizerStep> normalizer;
  std::vector<SplitStep> splits;  ///< the steps before ByteLevel or Metaspace

  bool byte_level = true;              ///< words are spelled by the byte-level alphabet before the model
  bool use_gpt2_pattern = true;        ///< ByteLevel's use_regex
  bool add_prefix_space = false;       ///< ByteLevel's add_prefix_space
  std::optional<Metaspace> metaspace;  ///< only without byte_level

  ModelKind model = ModelKind::kBpe;
  std::vector<std::pair<std::string, std::uint32_t>> vocabulary;  ///< spelling -> id, ascending ids
  std::vector<std::pair<std::string, std::string>> merges;        ///< best first
  bool ignore_merges = false;                                     ///< a word that is a token is never merged
  std::optional<std::string> unknown;                             ///< the token of what the vocabulary lacks
  bool fuse_unknown = false;                                      ///< one token for a run of them
  bool byte_fallback = false;                                     ///< characters without token become <0xNN>
  std::string continuing_prefix;   ///< of every character (BPE) or token (WordPiece) but a word's first
  std::string end_suffix;          ///< BPE: of a word's last character
  std::size_t longest_word = 100;  ///< WordPiece: longer ones, in characters, are unknown

  std::vector<AddedToken> added_tokens;
  std::vector<DecoderStep> decoder{DecoderStep{}};
  Wrapping wrapping;
};

/// The patterns of GPT-2 (ByteLevel's own), Llama-3 (the same as cl100k's), Qwen2 and o200k.
extern const char* const kGpt2Pattern;
extern const char* const kLlama3Pattern;
extern const char* const kQwen2Pattern;
extern const char* const kO200kPattern;

/// Throws InputError, in one sentence that names `name` and the feature, for malformed JSON and for anything that would
/// change an id but that Trireme does not support.
TokenizerDefinition parse_tokenizer_json(const std::string& json, const std::string& name);

/// Writes a tokenizer.json that `tokenizers` and `transformers` read. Only for byte-level BPE with Split(Isolated)
/// steps and without normalizer or post-processor: what trained tokenizers and GPT-2's pair are.
std::string write_tokenizer_json(const TokenizerDefinition& definition);

/// Reads vocab.json and merges.txt; <|endoftext|> becomes a special added token when the vocabulary has it.
TokenizerDefinition read_gpt2_pair(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);

}  // namespace trireme::text
