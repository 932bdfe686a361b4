#include "io/text/encoder.hpp"

#include <unordered_map>

#include "base/error.hpp"
#include "io/text/model/merge_cuts.hpp"

namespace trireme::text {

using base::InputError;
using base::str;
using Ids = std::vector<std::uint32_t>;

/// Buffers of one call of encode(), kept for the next call.
struct Encoder::Workspace {
  WordCache cache;
  WordModel::Scratch model;
  Normalizer::Buffers normalizing;
  std::vector<std::vector<std::uint32_t>> lengths;  // one list per split step
  Ids tokens;
  std::string replaced, prefixed;
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

/// The tokens of the second pass as they are looked for: in normalized text, so normalized themselves.
std::vector<AddedToken> normalized_tokens(const std::vector<AddedToken>& all, const Normalizer& normalizer) {
  std::vector<AddedToken> tokens = matched_in_pass(all, true);
  Normalizer::Buffers buffers;
  for (AddedToken& token : tokens) {
    const std::string normalized(normalizer.apply(token.content, TextPlace::kBeginning, buffers));
    if (normalized.empty()) {
      throw InputError(str("the normalizer leaves nothing of the added token \"", token.content,
                           "\", which would then be found everywhere"));
    }
    token.content = normalized;
  }
  return tokens;
}

/// They are the same for all tokenizers, and take a while to make.
std::shared_ptr<const UnicodeClasses> shared_classes() {
  static const auto kClasses = std::make_shared<const UnicodeClasses>();
  return kClasses;
}

}  // namespace

Encoder::Encoder(const TokenizerDefinition& definition, const IdsBySpelling& ids)
    : definition_(definition),
      normalizer_(definition.normalizer),
      classes_(shared_classes()),
      first_added_(matched_in_pass(definition.added_tokens, false), classes_),
      second_added_(normalized_tokens(definition.added_tokens, normalizer_), classes_),
      model_(make_model(definition, ids)) {
  make_splitters();
}

Encoder::~Encoder() = default;

void Encoder::make_splitters() {
  for (const SplitStep& step : definition_.splits) splitters_.push_back(make_step_splitter(step, classes_));
  if (definition_.byte_level && definition_.use_gpt2_pattern)
    splitters_.push_back(make_splitter(kGpt2Pattern, classes_));
  if (definition_.model != ModelKind::kBpe || definition_.byte_level) return;
  const bool each = definition_.metaspace && definition_.metaspace->split;
  const std::string mark = definition_.metaspace ? definition_.metaspace->mark : Metaspace().mark;
  if (!definition_.metaspace && !definition_.splits.empty() &&
      definition_.splits.front().kind != SplitStep::Kind::kLiteral)
    return;
  splitters_.push_back(make_mark_splitter(mark, each, MergeCuts(definition_, mark)));
}

std::unique_ptr<Encoder::Workspace> Encoder::take_workspace() const {
  {
    const std::lock_guard lock(workspaces_mutex_);
    if (!workspaces_.empty()) {
      std::unique_ptr<Workspace> workspace = std::move(workspaces_.back());
      workspaces_.pop_back();
      return workspace;
    }
  }
  auto workspace = std::make_unique<Workspace>();
  workspace->lengths.resize(splitters_.size());
  return workspace;
}

void Encoder::give_back(std::unique_ptr<Workspace> workspace) const {
  const std::lock_guard lock(workspaces_mutex_);
  workspaces_.push_back(std::move(workspace));
}

void Encoder::encode(std::string_view text, TextPlace place, Ids& ids) const {
  std::unique_ptr<Workspace> workspace = take_workspace();
  text = replace_malformed_utf8(text, workspace->replaced);
  std::size_t search = 0, taken = 0;
  AddedTokenFinder::Match match;
  const auto encode_until = [&](std::size_t end) {
    if (end > taken) encode_between({text.substr(taken, end - taken), taken == 0, place}, ids, *workspace);
  };
  while (!first_added_.empty() && first_added_.next(text, search, taken, match)) {
    encode_until(match.begin);
    if (match.begin < match.end) ids.push_back(match.id);
    taken = match.end;
  }
  encode_until(text.size());
  give_back(std::move(workspace));
}

/// Encodes text in which only added tokens of the second pass are left to find.
void Encoder::encode_between(Part part, Ids& ids, Workspace& workspace) const {
  const TextPlace place = part.first ? part.place : TextPlace::kBeginning;
  const std::string_view text = normalizer_.apply(part.text, place, workspace.normalizing);
  std::size_t search = 0, taken = 0;
  AddedTokenFinder::Match match;
  const auto encode_until = [&](std::size_t end) {
    if (end <= taken) return;
    encode_split({text.substr(taken, end - taken), part.first && taken == 0, part.place}, 0, ids, workspace);
  };
  while (!second_added_.empty() && second_added_.next(text, search, taken, match)) {
    encode_until(match.begin);
    if (match.begin < match.end) ids.push_back(match.id);
    taken = match.end;
  }
  encode_until(text.size());
}

/// The text as ByteLevel or Metaspace, which come after the other steps, hands it on.
std::string_view Encoder::marked(Part part, Workspace& workspace) const {
  std::string& result = workspace.prefixed;
  if (definition_.byte_level) {
    if (!definition_.add_prefix_space || part.text.front() == ' ') return part.text;
    return result.assign(1, ' ').append(part.text);
  }
  if (!definition_.metaspace) return part.text;
  const Metaspace& rule = *definition_.metaspace;
  const bool begins = part.first && part.place == TextPlace::kBeginning;
  const bool prepend = rule.prepend == Metaspace::Prepend::kAlways
                           ? begins || !part.first
                           : rule.prepend == Metaspace::Prepend::kFirst && begins;
  result.clear();
  if (prepend && part.text.front() != ' ' && !part.text.starts_with(rule.mark)) result = rule.mark;
  for (std::size_t at = 0; at < part.text.size();) {
    const std::size_t space = std::min(part.text.find(' ', at), part.text.size());
    result.append(part.text, at, space - at);
    if (space < part.text.size()) result += rule.mark;
    at = space + 1;
  }
  return result;
}

/// Encodes text without added tokens, from split step `step` on.
void Encoder::encode_split(Part part, std::size_t step, Ids& ids, Workspace& workspace) const {
  if (step == definition_.splits.size()) part.text = marked(part, workspace);
  const std::string_view text = part.text;
  if (text.size() >= kDropped) {  // lengths have 31 bits, and a bit for what is dropped
    throw InputError(str("a text of ", text.size(), " bytes is too long to encode at once: divide it"));
  }
  if (step == splitters_.size()) {
    workspace.tokens.resize(text.size() + 4);
    const std::size_t count = encode_word(text, false, workspace.tokens.data(), workspace);
    ids.insert(ids.end(), workspace.tokens.begin(), workspace.tokens.begin() + static_cast<std::ptrdiff_t>(count));
    return;
  }
  std::vector<std::uint32_t>& lengths = workspace.lengths[step];
  // The pieces of the last step are words, unless ByteLevel or Metaspace has still to mark them.
  const bool marks = definition_.metaspace || (definition_.byte_level && definition_.add_prefix_space);
  const bool last = step + 1 == splitters_.size() && !(step < definition_.splits.size() && marks);
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t begin = position;
    lengths.clear();
    splitters_[step]->split(text, position, lengths);
    if (last) {
      if (splitters_[step]->drops()) {
        encode_kept_words(text.substr(begin), lengths, ids, workspace);
      } else {
        encode_words(text.substr(begin), lengths, ids, workspace);
      }
      continue;
    }
    // The steps below use lists of their own.
    std::size_t at = begin;
    for (const std::uint32_t length : lengths) {
      const bool kept = !(length & kDropped) || !splitters_[step]->drops();
      const std::size_t size = kept ? length : length & ~kDropped;
      if (kept) encode_split({text.substr(at, size), part.first && at == 0, part.place}, step + 1, ids, workspace);
      at += size;
    }
  }
}

void Encoder::encode_words(std::string_view text, const std::vector<std::uint32_t>& lengths, Ids& ids,
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

/// The same for pieces of which some are dropped.
void Encoder::encode_kept_words(std::string_view text, const std::vector<std::uint32_t>& lengths, Ids& ids,
                                Workspace& workspace) const {
  std::size_t bytes = 0;
  for (const std::uint32_t length : lengths) bytes += length & ~kDropped;
  if (workspace.tokens.size() < bytes + 4) workspace.tokens.resize(bytes + 4);
  std::uint32_t* out = workspace.tokens.data();
  const char* p = text.data();
  const char* const end = p + text.size();
  for (const std::uint32_t length : lengths) {
    if (!(length & kDropped)) out += encode_word({p, length}, end - p >= 16, out, workspace);
    p += length & ~kDropped;
  }
  ids.insert(ids.end(), workspace.tokens.data(), out);
}

/// `out` must have room for word.size() + 4 ids.
inline std::size_t Encoder::encode_word(std::string_view word, bool readable, std::uint32_t* out,
                                        Workspace& workspace) const {
  WordCache& cache = workspace.cache;
  WordCache::Key key{0, 0};
  if (word.size() < 16) {
    key = WordCache::key(word.data(), word.size(), readable);
    if (const std::size_t count = cache.find(key, out)) return count;
  }
  if (word.size() > WordCache::kLongest) return model_->encode(word, out, workspace.model);
  const std::uint64_t hash = WordCache::hash(word);
  if (const std::size_t count = cache.find_long(word, hash, out)) return count;
  const std::size_t count = model_->encode(word, out, workspace.model);
  if (word.size() < 16 && count <= 3) {
    cache.insert(key, out, count);
  } else {
    cache.insert_long(word, hash, out, count);
  }
  return count;
}

}  // namespace trireme::text
