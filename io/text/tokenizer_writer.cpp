// Writes the tokenizer.json of a byte-level BPE tokenizer.
#include <nlohmann/json.hpp>

#include "base/error.hpp"
#include "io/text/tokenizer_definition.hpp"

namespace trireme::text {
namespace {

using base::str;

std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

const char* boolean(bool value) { return value ? "true" : "false"; }

std::string byte_level(const TokenizerDefinition& definition, bool pre_tokenizer) {
  return str(R"({"type": "ByteLevel", "add_prefix_space": )", boolean(pre_tokenizer && definition.add_prefix_space),
             R"(, "trim_offsets": true, "use_regex": )", boolean(!pre_tokenizer || definition.use_gpt2_pattern), "}");
}

std::string pre_tokenizer(const TokenizerDefinition& definition) {
  if (definition.splits.empty()) return byte_level(definition, true);
  std::string text = R"({"type": "Sequence", "pretokenizers": [)";
  for (const SplitStep& step : definition.splits) {
    text += str(R"({"type": "Split", "pattern": {"Regex": )", quoted(step.pattern),
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
