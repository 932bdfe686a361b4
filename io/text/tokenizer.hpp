// Tokenizers as Hugging Face `tokenizers` reads and writes them: text to token ids and back.
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

/// The special tokens that the file's post-processor puts around one text (A) or a pair of texts (A and B):
/// before A after; pair_before A between B pair_after. All are empty without such a post-processor. Example, BERT:
/// before = pair_before = [CLS], after = between = pair_after = [SEP].
struct Wrapping {
  std::vector<std::uint32_t> before, after;
  std::vector<std::uint32_t> between, pair_after, pair_before;

  bool empty() const noexcept { return before.empty() && after.empty(); }
  bool operator==(const Wrapping&) const = default;
};

/// Whether a text that is encoded is the beginning of its document.
enum class TextPlace { kBeginning, kContinuation };

/// An immutable tokenizer: cheap to copy (copies share their tables), safe to use from many threads at once.
///
/// Ids are exactly those of `tokenizers` with add_special_tokens=False; wrapping() tells what True would add. Added
/// tokens (special or not) found in the text become their id, as there. docs/hub.md lists what a file may hold;
/// anything else that would change an id is refused by name. A file's truncation and padding have no effect, as in
/// transformers unless it is told otherwise.
class Tokenizer {
 public:
  /// Loads a tokenizer.json; or GPT-2's pair vocab.json and merges.txt, of which `path` may name either; or a directory
  /// that holds one or the other (tokenizer.json wins). Throws InputError naming the file.
  static Tokenizer load(const std::filesystem::path& path);

  /// Makes a tokenizer from the bytes of a tokenizer.json; `name` stands for them in errors. Throws InputError.
  static Tokenizer parse(std::string json, const std::string& name = "tokenizer.json");

  /// Makes a byte-level BPE tokenizer from its parts, for example a trained one. Throws InputError.
  static Tokenizer make(TokenizerDefinition definition);

  /// The bytes that parse() was given or load() read, unchanged; for a pair of files and for make(), a tokenizer.json
  /// that `tokenizers` and `transformers` read. parse(to_json()) is the same tokenizer.
  const std::string& to_json() const noexcept;

  /// The parts that the tokenizer was made of.
  const TokenizerDefinition& definition() const noexcept;

  /// Appends the ids of `text` to `ids`. Malformed UTF-8 is read as U+FFFD, one for each maximal subpart of a
  /// sequence, as Python's bytes.decode(errors="replace") does (io/text/utf8.hpp finds and replaces it).
  /// A continuation of a document gets no mark of the document's beginning ("▁" of Llama-2's kind).
  /// Time O(n log n) in the longest word, whatever the text; no allocation per word.
  void encode(std::string_view text, std::vector<std::uint32_t>& ids, TextPlace place = TextPlace::kBeginning) const;
  std::vector<std::uint32_t> encode(std::string_view text) const;

  /// The text of `ids`, always valid UTF-8, exactly as decode() of `tokenizers` gives it; skip_special leaves special
  /// tokens out. For a byte-level tokenizer decode(encode(x)) == x for every well-formed x, unless the tokenizer itself
  /// drops text: add_prefix_space adds a space, a normalizer rewrites, added tokens with lstrip or rstrip swallow white
  /// space. Throws InputError for an id out of range. TextStream (io/text/text_stream.hpp) decodes piece by piece.
  std::string decode(std::span<const std::uint32_t> ids, bool skip_special = false) const;

  /// The bytes that one token adds to a text in the middle of others, marks of spaces and byte spellings resolved
  /// (" the" for Ġthe and for ▁the, "ing" for ##ing). They may be a part of a character.
  std::string_view token(std::uint32_t id) const;

  /// 1 + the highest id, added tokens included.
  std::size_t vocabulary_size() const noexcept;

  /// The id of a token spelled as in the file ("Ġthe", "<|endoftext|>").
  std::optional<std::uint32_t> id_of(std::string_view token) const;

  /// The first of <|endoftext|>, <|end_of_text|>, </s>, <eos>, <|im_end|> that the vocabulary has.
  std::optional<std::uint32_t> end_of_text() const noexcept;
  /// [MASK] or <mask>.
  std::optional<std::uint32_t> mask_token() const noexcept;
  /// [PAD], <pad>, <|pad|> or <|padding|>.
  std::optional<std::uint32_t> pad_token() const noexcept;
  /// The model's unk_token; without one [UNK] or <unk>.
  std::optional<std::uint32_t> unknown_token() const noexcept;

  /// Whether an added token with the flag `special` has this id; false for ids out of range.
  bool is_special(std::uint32_t id) const noexcept;

  /// Whether a token goes on with the word of the token before it: WordPiece's "##ing"; in the other kinds a token that
  /// does not begin with white space or its mark. False for special tokens. Throws InputError for an id out of range.
  bool continues_word(std::uint32_t id) const;

  /// What the file's post-processor adds around a text.
  const Wrapping& wrapping() const noexcept;

 private:
  friend class TextStream;
  struct Implementation;
  explicit Tokenizer(std::shared_ptr<const Implementation> implementation);
  std::shared_ptr<const Implementation> implementation_;
};

}  // namespace trireme::text
