// Byte-level BPE tokenizers as Hugging Face `tokenizers` reads and writes them: text to token ids and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trireme::text {

struct TokenizerDefinition;

/// An immutable tokenizer: cheap to copy (copies share their tables), safe to use from many threads at once.
///
/// Ids are exactly those of `tokenizers` with add_special_tokens=False: a post-processor in the file is kept in
/// to_json() but never adds tokens. Added tokens (special or not) found in the text become their id, as there.
///
/// What the file may hold: model BPE (vocab, merges, ignore_merges), pre-tokenizer ByteLevel (add_prefix_space,
/// use_regex), alone or after Split(Regex, Isolated) steps in a Sequence, added_tokens with all their flags,
/// any post_processor, decoder ByteLevel. Everything else that would change an id is refused by name.
class Tokenizer {
 public:
  /// Loads a tokenizer.json; or GPT-2's pair vocab.json and merges.txt, of which `path` may name either; or a directory
  /// that holds one or the other (tokenizer.json wins). Throws InputError naming the file.
  static Tokenizer load(const std::filesystem::path& path);

  /// Makes a tokenizer from the bytes of a tokenizer.json; `name` stands for them in errors. Throws InputError.
  static Tokenizer parse(std::string json, const std::string& name = "tokenizer.json");

  /// Makes a tokenizer from its parts, for example a trained one. Throws InputError.
  static Tokenizer make(TokenizerDefinition definition);

  /// The bytes that parse() was given or load() read, unchanged; for a pair of files and for make(), a tokenizer.json
  /// that `tokenizers` and `transformers` read. parse(to_json()) is the same tokenizer.
  const std::string& to_json() const noexcept;

  /// Appends the ids of `text` to `ids`. Malformed UTF-8 is read as U+FFFD, one for each maximal subpart of a
  /// sequence, as Python's bytes.decode(errors="replace") does (io/text/utf8.hpp finds and replaces it).
  /// Time O(n log n) in the longest word, whatever the text; no allocation per word.
  void encode(std::string_view text, std::vector<std::uint32_t>& ids) const;
  std::vector<std::uint32_t> encode(std::string_view text) const;

  /// The bytes of `ids`. decode(encode(x)) == x for every well-formed x, unless the tokenizer itself drops text:
  /// add_prefix_space adds a space, added tokens with lstrip or rstrip swallow white space. When the bytes of a
  /// character are split between two calls, they come out split. Throws InputError for an id out of range.
  std::string decode(std::span<const std::uint32_t> ids) const;

  /// The bytes of one token.
  std::string_view token(std::uint32_t id) const;

  /// 1 + the highest id, added tokens included.
  std::size_t vocabulary_size() const noexcept;

  /// The id of a token spelled as in the file ("Ġthe", "<|endoftext|>").
  std::optional<std::uint32_t> id_of(std::string_view token) const;

  /// The first of <|endoftext|>, <|end_of_text|>, </s>, <eos>, <|im_end|> that the vocabulary has.
  std::optional<std::uint32_t> end_of_text() const noexcept;

 private:
  struct Implementation;
  explicit Tokenizer(std::shared_ptr<const Implementation> implementation);
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace trireme::text
