#include "io/text/tokenizer.hpp"

#include <algorithm>
#include <array>

#include "base/error.hpp"
#include "io/text/encoder.hpp"
#include "io/text/normalize/normalizer.hpp"
#include "io/text/text_stream.hpp"
#include "io/text/token_decoder.hpp"
#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {

using base::InputError;
using base::str;
using Ids = std::vector<std::uint32_t>;

namespace {

constexpr std::array<const char*, 5> kEndOfText = {"<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>"};
constexpr std::array<const char*, 2> kMask = {"[MASK]", "<mask>"};
constexpr std::array<const char*, 4> kPad = {"[PAD]", "<pad>", "<|pad|>", "<|padding|>"};
constexpr std::array<const char*, 2> kUnknown = {"[UNK]", "<unk>"};

IdsBySpelling ids_of_added(const TokenizerDefinition& definition) {
  IdsBySpelling ids;
  for (const AddedToken& token : definition.added_tokens) ids.emplace(token.content, token.id);
  return ids;
}

}  // namespace

struct Tokenizer::Implementation {
  Implementation(TokenizerDefinition parts, std::string bytes);

  void make_tables();
  void check_wrapping() const;
  std::uint32_t check(std::uint32_t id) const {
    if (id >= spellings.size()) {
      throw InputError(str("token id ", id, " is outside the vocabulary of ", spellings.size()));
    }
    return id;
  }
  /// Returns the vocabulary's token when an added one has the same spelling.
  std::optional<std::uint32_t> id_of(const std::string& spelling) const {
    for (const IdsBySpelling* const ids : {&vocabulary_ids, &added_ids}) {
      const auto found = ids->find(spelling);
      if (found != ids->end()) return found->second;
    }
    return std::nullopt;
  }
  template <typename Names>
  std::optional<std::uint32_t> first_of(const Names& names) const {
    for (const char* const name : names) {
      if (const auto id = id_of(name)) return id;
    }
    return std::nullopt;
  }

  const std::string json;
  const TokenizerDefinition definition;
  const IdsBySpelling vocabulary_ids, added_ids;  // the model knows its vocabulary alone
  const Encoder encoder;
  std::vector<std::string> spellings;  // by id
  std::vector<std::string> bytes;      // by id
  std::vector<bool> special, skipped, continues;
  bool byte_level_decoder = false;
};

Tokenizer::Implementation::Implementation(TokenizerDefinition parts, std::string text)
    : json(std::move(text)),
      definition(std::move(parts)),
      vocabulary_ids(definition.vocabulary.begin(), definition.vocabulary.end()),
      added_ids(ids_of_added(definition)),
      encoder(definition, vocabulary_ids) {
  make_tables();
  check_wrapping();
}

void Tokenizer::Implementation::make_tables() {
  std::uint32_t highest = 0;
  for (const auto& [spelling, id] : definition.vocabulary) highest = std::max(highest, id);
  for (const AddedToken& token : definition.added_tokens) highest = std::max(highest, token.id);
  spellings.resize(std::size_t{highest} + 1);
  special.resize(spellings.size());
  skipped.resize(spellings.size());
  for (const auto& [spelling, id] : definition.vocabulary) spellings[id] = spelling;
  const Normalizer normalizer(definition.normalizer);
  Normalizer::Buffers buffers;
  for (const AddedToken& token : definition.added_tokens) {
    // Hugging Face tokenizers decode a normalized token as it is found in normalized text, and do not know it for a
    // special one then.
    const std::string_view found =
        token.normalized ? normalizer.apply(token.content, TextPlace::kBeginning, buffers) : token.content;
    spellings[token.id] = found;
    skipped[token.id] = token.special && found == token.content;
    if (token.special) special[token.id] = true;
  }
  bytes.reserve(spellings.size());
  continues.reserve(spellings.size());
  const bool word_piece = definition.model == ModelKind::kWordPiece;
  const std::string& mark = definition.metaspace ? definition.metaspace->mark : Metaspace().mark;
  for (const std::string& spelling : spellings) {
    bytes.push_back(bytes_of_token(definition.decoder, spelling));
    const std::string& text = bytes.back();
    const bool begins = word_piece ? !spelling.starts_with(definition.continuing_prefix)
                                   : text.empty() || text.front() == ' ' ||
                                         (text.front() >= '\t' && text.front() <= '\r') || spelling.starts_with(mark);
    continues.push_back(!begins && !special[continues.size()]);
  }
  byte_level_decoder = definition.decoder.size() == 1 && definition.decoder[0].kind == DecoderStep::Kind::kByteLevel;
}

void Tokenizer::Implementation::check_wrapping() const {
  const Wrapping& wrapping = definition.wrapping;
  for (const auto& list :
       {wrapping.before, wrapping.after, wrapping.between, wrapping.pair_after, wrapping.pair_before}) {
    for (const std::uint32_t id : list) {
      if (id >= spellings.size())
        throw InputError(str("its post_processor adds token ", id, ", which it does not have"));
    }
  }
}

Tokenizer::Tokenizer(std::shared_ptr<const Implementation> implementation)
    : implementation_(std::move(implementation)) {}

Tokenizer Tokenizer::make(TokenizerDefinition definition) {
  std::string json = write_tokenizer_json(definition);
  return Tokenizer(std::make_shared<Implementation>(std::move(definition), std::move(json)));
}

Tokenizer Tokenizer::parse(std::string json, const std::string& name) {
  TokenizerDefinition definition = parse_tokenizer_json(json, name);
  try {
    return Tokenizer(std::make_shared<Implementation>(std::move(definition), std::move(json)));
  } catch (const InputError& error) {
    throw InputError(str(name, ": ", error.what()));
  }
}

const std::string& Tokenizer::to_json() const noexcept { return implementation_->json; }

const TokenizerDefinition& Tokenizer::definition() const noexcept { return implementation_->definition; }

void Tokenizer::encode(std::string_view text, Ids& ids, TextPlace place) const {
  implementation_->encoder.encode(text, place, ids);
}

Ids Tokenizer::encode(std::string_view text) const {
  Ids ids;
  encode(text, ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::uint32_t> ids, bool skip_special) const {
  const Implementation& parts = *implementation_;
  std::string text;
  if (parts.byte_level_decoder) {  // the same as below, faster
    std::string bytes;
    for (const std::uint32_t id : ids) {
      parts.check(id);
      if (!skip_special || !parts.skipped[id]) bytes += parts.bytes[id];
    }
    std::size_t unused = 0;
    append_valid_utf8(bytes, true, text, &unused);
    return text;
  }
  TokenDecoder decoder(parts.definition.decoder);
  for (const std::uint32_t id : ids) {
    const std::string& spelling = parts.spellings[parts.check(id)];
    if (!skip_special || !parts.skipped[id]) decoder.push(spelling, text);
  }
  decoder.finish(text);
  return text;
}

std::string_view Tokenizer::token(std::uint32_t id) const { return implementation_->bytes[implementation_->check(id)]; }

std::size_t Tokenizer::vocabulary_size() const noexcept { return implementation_->spellings.size(); }

std::optional<std::uint32_t> Tokenizer::id_of(std::string_view token) const {
  return implementation_->id_of(std::string(token));
}

std::optional<std::uint32_t> Tokenizer::end_of_text() const noexcept { return implementation_->first_of(kEndOfText); }
std::optional<std::uint32_t> Tokenizer::mask_token() const noexcept { return implementation_->first_of(kMask); }
std::optional<std::uint32_t> Tokenizer::pad_token() const noexcept { return implementation_->first_of(kPad); }

std::optional<std::uint32_t> Tokenizer::unknown_token() const noexcept {
  const auto& named = implementation_->definition.unknown;
  if (named) {
    const std::array<const char*, 1> name = {named->c_str()};
    if (const auto id = implementation_->first_of(name)) return id;
  }
  return implementation_->first_of(kUnknown);
}

bool Tokenizer::is_special(std::uint32_t id) const noexcept {
  return id < implementation_->special.size() && implementation_->special[id];
}

bool Tokenizer::continues_word(std::uint32_t id) const {
  return implementation_->continues[implementation_->check(id)];
}

const Wrapping& Tokenizer::wrapping() const noexcept { return implementation_->definition.wrapping; }

struct TextStream::State {
  State(Tokenizer owner, bool skip)
      : tokenizer(std::move(owner)), skip_special(skip), decoder(tokenizer.definition().decoder) {}

  Tokenizer tokenizer;
  bool skip_special;
  TokenDecoder decoder;
};

TextStream::TextStream(Tokenizer tokenizer, bool skip_special)
    : state_(std::make_unique<State>(std::move(tokenizer), skip_special)) {}
TextStream::TextStream(TextStream&&) noexcept = default;
TextStream& TextStream::operator=(TextStream&&) noexcept = default;
TextStream::~TextStream() = default;

std::string TextStream::push(std::uint32_t id) {
  const Tokenizer::Implementation& parts = *state_->tokenizer.implementation_;
  const std::string& spelling = parts.spellings[parts.check(id)];
  std::string text;
  if (!state_->skip_special || !parts.skipped[id]) state_->decoder.push(spelling, text);
  return text;
}

std::string TextStream::finish() {
  std::string text;
  state_->decoder.finish(text);
  return text;
}

}  // namespace trireme::text
