#include "io/text/tokenizer.hpp"

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "base/error.hpp"
#include "base/file_system.hpp"
#include "io/text/added_tokens.hpp"
#include "io/text/byte_level.hpp"
#include "io/text/merge_table.hpp"
#include "io/text/splitter.hpp"
#include "io/text/tokenizer_definition.hpp"
#include "io/text/word_cache.hpp"

namespace trireme::text {

using base::InputError;
using base::str;
using Ids = std::vector<std::uint32_t>;

namespace {

/// Buffers of one call of encode(), kept for the next call.
struct Workspace {
  WordCache cache;
  MergeTable::Scratch merging;
  std::vector<std::vector<std::uint32_t>> lengths;  // one list per split step
  Ids tokens;
  std::string replaced, prefixed;
};

constexpr const char* kEndOfText[] = {"<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|im_end|>"};

}  // namespace

struct Tokenizer::Implementation {
  explicit Implementation(TokenizerDefinition parts, std::string bytes);

  void encode(std::string_view text, Ids& ids) const;
  void encode_between(std::string_view text, Ids& ids, Workspace& workspace) const;
  void encode_split(std::string_view text, std::size_t step, Ids& ids, Workspace& workspace) const;
  void encode_words(std::string_view text, const std::vector<std::uint32_t>& lengths, Ids& ids,
                    Workspace& workspace) const;
  std::size_t encode_word(std::string_view word, bool readable, std::uint32_t* out, Workspace& workspace) const;
  std::size_t merge_word(std::string_view word, std::uint32_t* out, Workspace& workspace) const;
  MergeTable make_merges() const;

  std::unique_ptr<Workspace> take_workspace() const;
  void give_back(std::unique_ptr<Workspace> workspace) const;

  std::string json;
  TokenizerDefinition definition;
  std::unordered_map<std::string, std::uint32_t> ids_by_spelling;
  std::unordered_map<std::string_view, std::uint32_t> ids_by_bytes;  // views of `tokens`; filled for ignore_merges
  std::vector<std::string> tokens;                                   // bytes by id
  std::shared_ptr<const UnicodeClasses> classes = std::make_shared<UnicodeClasses>();
  std::vector<std::unique_ptr<Splitter>> splitters;
  AddedTokenFinder first_added, second_added;
  MergeTable merges;
  std::optional<std::uint32_t> end_of_text;
  mutable std::mutex workspaces_mutex;
  mutable std::vector<std::unique_ptr<Workspace>> workspaces;
};

namespace {

/// The tokens that one pass finds. When several entries have the same content, the last gives the flags, but the first
/// special one decides in which pass the token is found. Without a special one each entry puts it into its own pass, as
/// in Hugging Face's AddedVocabulary.
std::vector<AddedToken> matched_in_pass(const std::vector<AddedToken>& tokens, bool second) {
  struct Entries {
    AddedToken last;
    bool special = false, found = false;
  };
  std::vector<std::string> order;
  std::unordered_map<std::string, Entries> by_content;
  for (const AddedToken& token : tokens) {
    const auto [place, added] = by_content.try_emplace(token.content);
    if (added) order.push_back(token.content);
    Entries& entries = place->second;
    entries.last = token;
    if (entries.special) continue;
    entries.special = token.special;
    entries.found = token.normalized == second || (entries.found && !token.special);
  }
  std::vector<AddedToken> chosen;
  for (const std::string& content : order) {
    if (by_content[content].found) chosen.push_back(by_content[content].last);
  }
  return chosen;
}

}  // namespace

Tokenizer::Implementation::Implementation(TokenizerDefinition parts, std::string bytes)
    : json(std::move(bytes)),
      definition(std::move(parts)),
      ids_by_spelling(definition.vocabulary.begin(), definition.vocabulary.end()),
      first_added(matched_in_pass(definition.added_tokens, false), classes),
      second_added(matched_in_pass(definition.added_tokens, true), classes),
      merges(make_merges()) {
  std::uint32_t highest = 0;
  for (const auto& [spelling, id] : definition.vocabulary) highest = std::max(highest, id);
  for (const AddedToken& token : definition.added_tokens) highest = std::max(highest, token.id);
  tokens.resize(std::size_t{highest} + 1);
  for (const auto& [spelling, id] : definition.vocabulary) tokens[id] = read_spelling(spelling).value_or(spelling);
  if (definition.ignore_merges) {
    for (const auto& [spelling, id] : definition.vocabulary) {
      if (read_spelling(spelling)) ids_by_bytes.emplace(tokens[id], id);
    }
  }
  for (const AddedToken& token : definition.added_tokens) {
    if (!ids_by_bytes.contains(tokens[token.id])) tokens[token.id] = token.content;
    ids_by_spelling.emplace(token.content, token.id);
  }
  for (const std::string& pattern : definition.splits) splitters.push_back(make_splitter(pattern, classes));
  if (definition.use_gpt2_pattern) splitters.push_back(make_splitter(kGpt2Pattern, classes));
  for (const char* const name : kEndOfText) {
    const auto found = ids_by_spelling.find(name);
    if (found == ids_by_spelling.end()) continue;
    end_of_text = found->second;
    break;
  }
}

MergeTable Tokenizer::Implementation::make_merges() const {
  const auto id = [this](const std::string& spelling) {
    const auto found = ids_by_spelling.find(spelling);
    if (found == ids_by_spelling.end()) {
      throw InputError(str("the tokenizer's vocabulary lacks the token ", spelling, ", which its merges need"));
    }
    return found->second;
  };
  std::vector<std::uint32_t> byte_ids(256);
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const auto found = ids_by_spelling.find(spell_bytes({&c, 1}));
    if (found == ids_by_spelling.end()) {
      throw InputError(str("the tokenizer's vocabulary lacks byte ", byte,
                           ": a byte-level tokenizer needs all 256, or it would drop text"));
    }
    byte_ids[byte] = found->second;
  }
  std::vector<Merge> list;
  list.reserve(definition.merges.size());
  for (const auto& [left, right] : definition.merges) list.push_back({id(left), id(right), id(left + right)});
  return MergeTable(std::move(byte_ids), list);
}

std::unique_ptr<Workspace> Tokenizer::Implementation::take_workspace() const {
  {
    const std::lock_guard lock(workspaces_mutex);
    if (!workspaces.empty()) {
      std::unique_ptr<Workspace> workspace = std::move(workspaces.back());
      workspaces.pop_back();
      return workspace;
    }
  }
  auto workspace = std::make_unique<Workspace>();
  workspace->lengths.resize(splitters.size());
  return workspace;
}

void Tokenizer::Implementation::give_back(std::unique_ptr<Workspace> workspace) const {
  const std::lock_guard lock(workspaces_mutex);
  workspaces.push_back(std::move(workspace));
}

void Tokenizer::Implementation::encode(std::string_view text, Ids& ids) const {
  std::unique_ptr<Workspace> workspace = take_workspace();
  text = replace_malformed_utf8(text, workspace->replaced);
  std::size_t search = 0, taken = 0;
  AddedTokenFinder::Match match;
  while (!first_added.empty() && first_added.next(text, search, taken, match)) {
    if (match.begin > taken) encode_between(text.substr(taken, match.begin - taken), ids, *workspace);
    if (match.begin < match.end) ids.push_back(match.id);
    taken = match.end;
  }
  if (taken < text.size()) encode_between(text.substr(taken), ids, *workspace);
  give_back(std::move(workspace));
}

/// Encodes text in which only added tokens of the second pass are left to find.
void Tokenizer::Implementation::encode_between(std::string_view text, Ids& ids, Workspace& workspace) const {
  std::size_t search = 0, taken = 0;
  AddedTokenFinder::Match match;
  while (!second_added.empty() && second_added.next(text, search, taken, match)) {
    if (match.begin > taken) encode_split(text.substr(taken, match.begin - taken), 0, ids, workspace);
    if (match.begin < match.end) ids.push_back(match.id);
    taken = match.end;
  }
  if (taken < text.size()) encode_split(text.substr(taken), 0, ids, workspace);
}

/// Encodes text without added tokens, from split step `step` on.
void Tokenizer::Implementation::encode_split(std::string_view text, std::size_t step, Ids& ids,
                                             Workspace& workspace) const {
  // ByteLevel comes after the other steps, so each of their pieces gets its space here.
  if (step == definition.splits.size() && definition.add_prefix_space && text.front() != ' ') {
    workspace.prefixed.assign(1, ' ').append(text);
    text = workspace.prefixed;
  }
  if (step == splitters.size()) {
    workspace.tokens.resize(text.size() + 4);
    const std::size_t count = encode_word(text, false, workspace.tokens.data(), workspace);
    ids.insert(ids.end(), workspace.tokens.begin(), workspace.tokens.begin() + static_cast<std::ptrdiff_t>(count));
    return;
  }
  std::vector<std::uint32_t>& lengths = workspace.lengths[step];
  const bool last = step + 1 == splitters.size() && !(step < definition.splits.size() && definition.add_prefix_space);
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t begin = position;
    lengths.clear();
    splitters[step]->split(text, position, lengths);
    if (last) {
      encode_words(text.substr(begin), lengths, ids, workspace);
      continue;
    }
    std::size_t offset = begin;
    for (const std::uint32_t length : lengths) {
      encode_split(text.substr(offset, length), step + 1, ids, workspace);
      offset += length;
    }
  }
}

void Tokenizer::Implementation::encode_words(std::string_view text, const std::vector<std::uint32_t>& lengths, Ids& ids,
                                             Workspace& workspace) const {
  std::size_t bytes = 0;
  for (const std::uint32_t length : lengths) bytes += length;
  if (workspace.tokens.size() < bytes + 4) workspace.tokens.resize(bytes + 4);
  std::uint32_t* out = workspace.tokens.data();
  const char* p = text.data();
  const char* const end = p + text.size();
  for (const std::uint32_t length : lengths) {
    out += encode_word({p, length}, end - p >= 16, out, workspace);
    p += length;
  }
  ids.insert(ids.end(), workspace.tokens.data(), out);
}

/// `out` must have room for word.size() + 4 ids.
inline std::size_t Tokenizer::Implementation::encode_word(std::string_view word, bool readable, std::uint32_t* out,
                                                          Workspace& workspace) const {
  WordCache& cache = workspace.cache;
  WordCache::Key key{0, 0};
  if (word.size() < 16) {
    key = WordCache::key(word.data(), word.size(), readable);
    if (const std::size_t count = cache.find(key, out)) return count;
  }
  if (word.size() > WordCache::kLongest) return merge_word(word, out, workspace);
  const std::uint64_t hash = WordCache::hash(word);
  if (const std::size_t count = cache.find_long(word, hash, out)) return count;
  const std::size_t count = merge_word(word, out, workspace);
  if (word.size() < 16 && count <= 3) {
    cache.insert(key, out, count);
  } else {
    cache.insert_long(word, hash, out, count);
  }
  return count;
}

std::size_t Tokenizer::Implementation::merge_word(std::string_view word, std::uint32_t* out,
                                                  Workspace& workspace) const {
  if (definition.ignore_merges) {
    const auto found = ids_by_bytes.find(word);
    if (found != ids_by_bytes.end()) {
      *out = found->second;
      return 1;
    }
  }
  return merges.encode(word, out, workspace.merging);
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

void Tokenizer::encode(std::string_view text, Ids& ids) const { implementation_->encode(text, ids); }

Ids Tokenizer::encode(std::string_view text) const {
  Ids ids;
  encode(text, ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const std::uint32_t> ids) const {
  std::string text;
  for (const std::uint32_t id : ids) text += token(id);
  return text;
}

std::string_view Tokenizer::token(std::uint32_t id) const {
  if (id >= implementation_->tokens.size()) {
    throw InputError(str("token id ", id, " is outside the vocabulary of ", implementation_->tokens.size()));
  }
  return implementation_->tokens[id];
}

std::size_t Tokenizer::vocabulary_size() const noexcept { return implementation_->tokens.size(); }

std::optional<std::uint32_t> Tokenizer::id_of(std::string_view token) const {
  const auto found = implementation_->ids_by_spelling.find(std::string(token));
  if (found == implementation_->ids_by_spelling.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint32_t> Tokenizer::end_of_text() const noexcept { return implementation_->end_of_text; }

}  // namespace trireme::text
