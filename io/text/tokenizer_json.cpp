// The model, the vocabulary and the added tokens of a tokenizer.json.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/error.hpp"
#include "io/text/json_scanner.hpp"
#include "io/text/tokenizer_json_reader.hpp"
#include "io/text/utf8.hpp"

namespace trireme::text {

using base::InputError;
using base::str;

TokenizerDefinition TokenizerJsonReader::read() {
  if (!json_.is_object() || !json_.contains("model")) refuse("it has no model: it is no tokenizer.json");
  read_normalizer(member(json_, "normalizer"));
  read_pre_tokenizer(member(json_, "pre_tokenizer"));
  read_model(json_.at("model"));
  read_decoder(member(json_, "decoder"));
  read_post_processor(member(json_, "post_processor"));
  read_added_tokens(member(json_, "added_tokens"));
  check_metaspace();
  return std::move(result_);
}

/// Metaspace's "first" is about what came first before the normalizer. Afterwards that is not known: of a text whose
/// beginning is gone or new, or of pieces of what one character became.
void TokenizerJsonReader::check_metaspace() const {
  if (!result_.metaspace) return;
  if (result_.model != ModelKind::kBpe) refuse("it has Metaspace with a WordPiece model, which Trireme does not read");
  if (result_.metaspace->prepend != Metaspace::Prepend::kFirst || result_.normalizer.empty()) return;
  using Kind = NormalizerStep::Kind;
  const bool keeps = std::all_of(result_.normalizer.begin(), result_.normalizer.end(), [](const NormalizerStep& step) {
    return step.kind == Kind::kNfc || step.kind == Kind::kNfd || step.kind == Kind::kNfkc || step.kind == Kind::kNfkd ||
           step.kind == Kind::kLowercase;
  });
  const auto& added = result_.added_tokens;
  const bool whole = result_.splits.empty() &&
                     std::none_of(added.begin(), added.end(), [](const AddedToken& token) { return token.normalized; });
  if (!keeps || !whole) {
    refuse(
        "its Metaspace has the prepend_scheme first after a normalizer that may change where a text or its pieces "
        "begin, which Trireme does not read");
  }
}

void TokenizerJsonReader::refuse(const std::string& what) const {
  throw InputError(str("tokenizer ", name_, " cannot be used: ", what));
}

void TokenizerJsonReader::refuse_step(const char* section, const std::string& type) const {
  refuse(str("its ", section, " has ", type.empty() ? "a step without type" : "the step " + type,
             ", which Trireme does not read"));
}

const TokenizerJsonReader::Json& TokenizerJsonReader::member(const Json& object, const char* key) {
  static const Json kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string TokenizerJsonReader::type_of(const Json& object) {
  return object.is_object() ? object.value("type", "") : "";
}

bool TokenizerJsonReader::flag(const Json& object, const char* key, bool otherwise) const {
  const Json& value = member(object, key);
  if (value.is_null()) return otherwise;
  if (!value.is_boolean()) refuse(str(key, " is not true or false"));
  return value.get<bool>();
}

std::size_t TokenizerJsonReader::number(const Json& object, const char* key, std::size_t otherwise) const {
  const Json& value = member(object, key);
  if (value.is_null()) return otherwise;
  if (!value.is_number_unsigned()) refuse(str(key, " is not a number from 0 on"));
  return value.get<std::size_t>();
}

std::uint32_t TokenizerJsonReader::id(const Json& value, const std::string& of) const {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= (1U << 31)) refuse(str(of, " has no id"));
  return value.get<std::uint32_t>();
}

const std::string& TokenizerJsonReader::whole(const std::string& text) const {
  if (text.find(kHalfSurrogate) != std::string::npos) {
    refuse(str("\"", text, "\" holds half of a surrogate pair (or U+FDD0), which is no text"));
  }
  return text;
}

std::string TokenizerJsonReader::text(const Json& object, const char* key) const {
  const Json& value = member(object, key);
  if (!value.is_string()) refuse(str(key, " of ", type_of(object), " is not a text"));
  return whole(value.get_ref<const std::string&>());
}

std::string TokenizerJsonReader::text(const Json& object, const char* key, const char* otherwise) const {
  return member(object, key).is_null() ? otherwise : text(object, key);
}

std::string TokenizerJsonReader::filled_text(const Json& object, const char* key) const {
  std::string result = text(object, key);
  if (result.empty()) refuse(str("it has a step with an empty ", key, ", which Trireme does not read"));
  return result;
}

std::string TokenizerJsonReader::character(const Json& object, const char* key) const {
  std::string result = filled_text(object, key);
  if (decode_code_point(result.data()).length != result.size()) {
    refuse(str("the ", key, " of its ", type_of(object), " is not one character"));
  }
  return result;
}

std::vector<const TokenizerJsonReader::Json*> TokenizerJsonReader::steps(const Json& section, const char* list,
                                                                         int depth) const {
  if (section.is_null()) return {};
  if (type_of(section) != "Sequence") return {&section};
  constexpr int kDeepest = 8;
  constexpr std::size_t kMost = 64;
  if (depth == kDeepest) refuse(str("its ", list, " are nested more than ", kDeepest, " times"));
  const Json& parts = member(section, list);
  if (!parts.is_array()) refuse(str("it has a Sequence without ", list));
  std::vector<const Json*> all;
  for (const Json& part : parts) {
    for (const Json* step : steps(part, list, depth + 1)) all.push_back(step);
    if (all.size() > kMost) refuse(str("its ", list, " are more than ", kMost));
  }
  return all;
}

void TokenizerJsonReader::read_model(const Json& model) {
  const std::string type = type_of(model);
  if (type == "BPE" || (type.empty() && model.is_object() && model.contains("merges"))) return read_bpe(model);
  if (type == "WordPiece") return read_word_piece(model);
  refuse(str("its model is ", type.empty() ? "unknown" : type, ", Trireme reads BPE and WordPiece"));
}

void TokenizerJsonReader::read_bpe(const Json& model) {
  const Json& dropout = member(model, "dropout");
  if (!dropout.is_null() && dropout != 0.0) refuse("its model sets dropout, which makes its ids random");
  result_.ignore_merges = flag(model, "ignore_merges", false);
  if (!member(model, "unk_token").is_null()) result_.unknown = text(model, "unk_token");
  result_.fuse_unknown = flag(model, "fuse_unk", false);
  result_.byte_fallback = flag(model, "byte_fallback", false);
  result_.continuing_prefix = text(model, "continuing_subword_prefix", "");
  result_.end_suffix = text(model, "end_of_word_suffix", "");
  if (result_.byte_fallback && !(result_.continuing_prefix.empty() && result_.end_suffix.empty())) {
    refuse("its model sets byte_fallback with a prefix or suffix of words, which Trireme does not read");
  }
  read_vocabulary(member(model, "vocab"));
  read_merges(member(model, "merges"));
}

void TokenizerJsonReader::read_word_piece(const Json& model) {
  result_.model = ModelKind::kWordPiece;
  result_.unknown = text(model, "unk_token", "[UNK]");
  result_.continuing_prefix = text(model, "continuing_subword_prefix", "##");
  constexpr std::size_t kLongest = 1000;
  result_.longest_word = number(model, "max_input_chars_per_word", 100);
  if (result_.longest_word > kLongest) {
    refuse(str("its model sets max_input_chars_per_word above ", kLongest, ", which Trireme does not do"));
  }
  read_vocabulary(member(model, "vocab"));
}

void TokenizerJsonReader::read_vocabulary(const Json& vocabulary) {
  if (!vocabulary.is_object() || vocabulary.empty()) refuse("its model has no vocab");
  result_.vocabulary.reserve(vocabulary.size());
  for (const auto& [token, id] : vocabulary.items()) {
    result_.vocabulary.emplace_back(whole(token), this->id(id, str("token ", token)));
  }
  std::sort(result_.vocabulary.begin(), result_.vocabulary.end(),
            [](const auto& a, const auto& b) { return a.second < b.second; });
  for (std::size_t i = 1; i < result_.vocabulary.size(); ++i) {
    if (result_.vocabulary[i].second == result_.vocabulary[i - 1].second) {
      refuse(
          str("tokens ", result_.vocabulary[i - 1].first, " and ", result_.vocabulary[i].first, " have the same id"));
    }
  }
  if (result_.vocabulary.back().second > result_.vocabulary.size() * 4 + 65536) refuse("its ids have huge gaps");
}

void TokenizerJsonReader::read_merges(const Json& merges) {
  if (!merges.is_array()) refuse("its model has no merges");
  result_.merges.reserve(merges.size());
  const bool lines = !merges.empty() && merges[0].is_string();
  for (const Json& merge : merges) {
    if (!lines && merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      result_.merges.emplace_back(whole(merge[0].get<std::string>()), whole(merge[1].get<std::string>()));
      continue;
    }
    const std::string line = lines && merge.is_string() ? merge.get<std::string>() : "";
    if (line.starts_with("#version")) continue;  // skipped as in merges.txt, even where it is a merge
    const std::size_t space = line.find(' ');
    if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos) {
      refuse(str("merge ", result_.merges.size() + 1, " is not a pair of tokens"));
    }
    result_.merges.emplace_back(whole(line.substr(0, space)), line.substr(space + 1));
  }
}

void TokenizerJsonReader::read_added_tokens(const Json& tokens) {
  if (tokens.is_null()) return;
  if (!tokens.is_array()) refuse("its added_tokens are not a list");
  std::unordered_map<std::string, std::uint32_t> known(result_.vocabulary.begin(), result_.vocabulary.end());
  std::unordered_set<std::uint32_t> seen;  // a token may be listed twice; its first place gives its id
  auto next = static_cast<std::uint32_t>(known.size());
  for (const Json& entry : tokens) {
    if (!entry.is_object() || !member(entry, "content").is_string() || !member(entry, "id").is_number_unsigned()) {
      refuse("an entry of added_tokens has no content or no id");
    }
    AddedToken token;
    token.content = whole(entry.at("content").get<std::string>());
    if (token.content.empty()) continue;  // an empty token takes no id
    token.special = flag(entry, "special", false);
    token.single_word = flag(entry, "single_word", false);
    token.lstrip = flag(entry, "lstrip", false);
    token.rstrip = flag(entry, "rstrip", false);
    token.normalized = flag(entry, "normalized", !token.special);
    const auto [place, added] = known.emplace(token.content, next);
    if (added) ++next;
    token.id = place->second;
    const bool again = !seen.insert(token.id).second;
    if (!again && entry.at("id").get<std::uint64_t>() != token.id) {
      refuse(str("added token ", token.content, " has id ", entry.at("id").dump(),
                 ", Hugging Face tokenizers would give it ", token.id));
    }
    result_.added_tokens.push_back(std::move(token));
  }
}

TokenizerDefinition parse_tokenizer_json(const std::string& json, const std::string& name) {
  using Json = TokenizerJsonReader::Json;
  try {
    const Json parsed = Json::parse(strict_json(json));
    return TokenizerJsonReader(parsed, name).read();
  } catch (const Json::exception& error) {
    throw InputError(str("tokenizer ", name, " is not readable JSON: ", error.what()));
  }
}

}  // namespace trireme::text
