// The parts of a tokenizer as its files spell them, and reading and writing these files: tokenizer.json and GPT-2's
// pair.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace trireme::text {

/// A token that is found in the text before any splitting. Flags as in Hugging Face's AddedToken.
struct AddedToken {
  std::uint32_t id = 0;
  std::string content;       ///< UTF-8, not byte-level spelling
  bool single_word = false;  ///< only between non-word characters
  bool lstrip = false;       ///< swallows white space on its left
  bool rstrip = false;       ///< swallows white space on its right
  bool normalized = false;   ///< matched in a second pass, after the others
  bool special = true;
};

/// Byte-level BPE: split the text by each pattern in turn, spell bytes as characters, merge.
struct TokenizerDefinition {
  std::vector<std::pair<std::string, std::uint32_t>> vocabulary;  ///< byte-level spelling -> id, ascending ids
  std::vector<std::pair<std::string, std::string>> merges;        ///< best first
  bool ignore_merges = false;                                     ///< a word that is a token is never merged
  std::vector<AddedToken> added_tokens;
  std::vector<std::string> splits;  ///< regular expressions of Split(Isolated) steps before ByteLevel
  bool use_gpt2_pattern = true;     ///< ByteLevel's use_regex
  bool add_prefix_space = false;    ///< ByteLevel's add_prefix_space
};

/// The patterns of GPT-2 (ByteLevel's own), Llama-3 (the same as cl100k's), Qwen2 and o200k.
extern const char* const kGpt2Pattern;
extern const char* const kLlama3Pattern;
extern const char* const kQwen2Pattern;
extern const char* const kO200kPattern;

/// Throws InputError, in one sentence that names `name` and the feature, for malformed JSON and for anything that would
/// change an id but that Trireme does not support.
TokenizerDefinition parse_tokenizer_json(const std::string& json, const std::string& name);

/// Writes a tokenizer.json that `tokenizers` and `transformers` read.
std::string write_tokenizer_json(const TokenizerDefinition& definition);

/// Reads vocab.json and merges.txt; <|endoftext|> becomes a special added token when the vocabulary has it.
TokenizerDefinition read_gpt2_pair(const std::filesystem::path& vocabulary, const std::filesystem::path& merges);

}  // namespace trireme::text
