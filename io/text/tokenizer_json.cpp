// Reads and writes tokenizer.json. It uses nlohmann::json, since base::Json (an ordered object) is quadratic in a
// vocabulary's size.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "base/error.hpp"
#include "io/text/json_scanner.hpp"
#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {
namespace {

using base::InputError;
using base::str;
using Json = nlohmann::json;

class Reader {
 public:
  Reader(const Json& json, const std::string& name) : json_(json), name_(name) {}

  TokenizerDefinition read() {
    if (!json_.is_object() || !json_.contains("model")) refuse("it has no model: it is no tokenizer.json");
    if (!member(json_, "normalizer").is_null()) refuse("it has a normalizer, which Trireme does not implement");
    read_model(json_.at("model"));
    read_pre_tokenizer(member(json_, "pre_tokenizer"));
    read_decoder(member(json_, "decoder"));
    read_added_tokens(member(json_, "added_tokens"));
    return std::move(result_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw InputError(str("tokenizer ", name_, " cannot be used: ", what));
  }

  static const Json& member(const Json& object, const char* key) {
    static const Json kNull;
    const auto found = object.find(key);
    return found == object.end() ? kNull : *found;
  }

  bool flag(const Json& object, const char* key, bool otherwise) const {
    const Json& value = member(object, key);
    if (value.is_null()) return otherwise;
    if (!value.is_boolean()) refuse(str(key, " is not true or false"));
    return value.get<bool>();
  }

  /// Returns `text`, on which ids depend; refuses it when it holds half of a surrogate pair.
  const std::string& whole(const std::string& text) const {
    if (text.find(kHalfSurrogate) != std::string::npos) {
      refuse(str("\"", text, "\" holds half of a surrogate pair (or U+FDD0), which is no text"));
    }
    return text;
  }

  std::string type_of(const Json& object) const { return object.is_object() ? object.value("type", "") : ""; }

  void read_model(const Json& model) {
    const std::string type = type_of(model);
    if (type != "BPE" && !(type.empty() && model.is_object() && model.contains("merges"))) {
      refuse(str("its model is ", type.empty() ? "unknown" : type, ", Trireme reads only byte-level BPE"));
    }
    for (const char* const key : {"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix"}) {
      const Json& value = member(model, key);
      if (!value.is_null() && value != "" && value != 0.0)  // NOLINT(readability-container-size-empty): a JSON string
        refuse(str("its model sets ", key, ", which Trireme does not read"));
    }
    for (const char* const key : {"byte_fallback", "fuse_unk"}) {
      if (flag(model, key, false)) refuse(str("its model sets ", key, ", which Trireme does not read"));
    }
    result_.ignore_merges = flag(model, "ignore_merges", false);
    read_vocabulary(member(model, "vocab"));
    read_merges(member(model, "merges"));
  }

  void read_vocabulary(const Json& vocabulary) {
    if (!vocabulary.is_object() || vocabulary.empty()) refuse("its model has no vocab");
    result_.vocabulary.reserve(vocabulary.size());
    for (const auto& [token, id] : vocabulary.items()) {
      if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= (1U << 31)) refuse(str("token ", token, " has no id"));
      result_.vocabulary.emplace_back(whole(token), id.get<std::uint32_t>());
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

  void read_merges(const Json& merges) {
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

  void read_pre_tokenizer(const Json& step) {
    const std::string type = type_of(step);
    if (type == "ByteLevel") return read_byte_level(step);
    if (type != "Sequence") {
      refuse(str("its pre_tokenizer is ", type.empty() ? "missing" : type,
                 ", only ByteLevel is implemented, after Split steps or alone"));
    }
    const Json& steps = member(step, "pretokenizers");
    if (!steps.is_array() || steps.empty() || type_of(steps.back()) != "ByteLevel") {
      refuse("its pre_tokenizer sequence does not end with ByteLevel");
    }
    for (std::size_t i = 0; i + 1 < steps.size(); ++i) read_split(steps[i]);
    read_byte_level(steps.back());
  }

  void read_byte_level(const Json& step) {
    result_.add_prefix_space = flag(step, "add_prefix_space", true);
    result_.use_gpt2_pattern = flag(step, "use_regex", true);
  }

  void read_split(const Json& step) {
    const std::string type = type_of(step);
    if (type != "Split") refuse(str("its pre_tokenizer has a step ", type, ", which Trireme does not read"));
    const Json& pattern = member(step, "pattern");
    if (!pattern.is_object() || !member(pattern, "Regex").is_string()) {
      refuse("its Split step has a pattern that is not a Regex, which Trireme does not read");
    }
    if (member(step, "behavior") != "Isolated" || flag(step, "invert", false)) {
      refuse("its Split step is inverted or not Isolated, which Trireme does not read");
    }
    result_.splits.push_back(whole(pattern.at("Regex").get<std::string>()));
  }

  void read_decoder(const Json& decoder) const {
    const std::string type = type_of(decoder);
    if (!decoder.is_null() && type != "ByteLevel")
      refuse(str("its decoder is ", type, ", only ByteLevel is implemented"));
  }

  void read_added_tokens(const Json& tokens) {
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

  const Json& json_;
  const std::string& name_;
  TokenizerDefinition result_;
};

std::string quoted(const std::string& text) { return Json(text).dump(); }

const char* boolean(bool value) { return value ? "true" : "false"; }

std::string byte_level(const TokenizerDefinition& definition, bool pre_tokenizer) {
  return str(R"({"type": "ByteLevel", "add_prefix_space": )", boolean(pre_tokenizer && definition.add_prefix_space),
             R"(, "trim_offsets": true, "use_regex": )", boolean(!pre_tokenizer || definition.use_gpt2_pattern), "}");
}

std::string pre_tokenizer(const TokenizerDefinition& definition) {
  if (definition.splits.empty()) return byte_level(definition, true);
  std::string text = R"({"type": "Sequence", "pretokenizers": [)";
  for (const std::string& pattern : definition.splits) {
    text += str(R"({"type": "Split", "pattern": {"Regex": )", quoted(pattern),
                R"(}, "behavior": "Isolated", "invert": false}, )");
  }
  return text + byte_level(definition, true) + "]}";
}

std::string added_token(const AddedToken& token) {
  return str(R"(    {"id": )", token.id, R"(, "content": )", quoted(token.content), R"(, "single_word": )",
             boolean(token.single_word), R"(, "lstrip": )", boolean(token.lstrip), R"(, "rstrip": )",
             boolean(token.rstrip), R"(, "normalized": )", boolean(token.normalized), R"(, "special": )",
             boolean(token.special), "}");
}

/// One line per element.
template <typename Range, typename Line>
void append_lines(std::string& text, const Range& range, Line line) {
  const char* separator = "\n";
  for (const auto& element : range) {
    text += separator;
    text += line(element);
    separator = ",\n";
  }
}

}  // namespace

TokenizerDefinition parse_tokenizer_json(const std::string& json, const std::string& name) {
  try {
    return Reader(Json::parse(strict_json(json)), name).read();
  } catch (const Json::exception& error) {
    throw InputError(str("tokenizer ", name, " is not readable JSON: ", error.what()));
  }
}

std::string write_tokenizer_json(const TokenizerDefinition& definition) {
  std::string text = "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n  \"added_tokens\": [";
  append_lines(text, definition.added_tokens, added_token);
  text += str("\n  ],\n  \"normalizer\": null,\n  \"pre_tokenizer\": ", pre_tokenizer(definition),
              ",\n  \"post_processor\": null,\n  \"decoder\": ", byte_level(definition, false),
              ",\n  \"model\": {\n    \"type\": \"BPE\",\n    \"dropout\": null,\n    \"unk_token\": null,\n"
              "    \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null,\n    \"fuse_unk\": false,\n"
              "    \"byte_fallback\": false,\n    \"ignore_merges\": ",
              boolean(definition.ignore_merges), ",\n    \"vocab\": {");
  append_lines(text, definition.vocabulary,
               [](const auto& entry) { return "      " + quoted(entry.first) + ": " + std::to_string(entry.second); });
  text += "\n    },\n    \"merges\": [";
  append_lines(text, definition.merges,
               [](const auto& merge) { return "      " + quoted(merge.first + " " + merge.second); });
  text += "\n    ]\n  }\n}\n";
  return text;
}

}  // namespace trireme::text
