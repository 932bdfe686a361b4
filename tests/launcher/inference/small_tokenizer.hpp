// A byte-level tokenizer of the 256 bytes, the token "bc" and the end of text "</s>".
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/text/byte_level.hpp"
#include "io/text/tokenizer.hpp"
#include "io/text/tokenizer_definition.hpp"

namespace trireme::tests {

/// The post-processor of BERT as tokenizer.json has it, with the ids of [CLS] and [SEP].
inline std::string bert_processing(std::uint32_t cls, std::uint32_t sep) {
  return base::str(R"({"type":"BertProcessing","cls":["[CLS]",)", cls, R"(],"sep":["[SEP]",)", sep, "]}");
}

/// `more`: further members of tokenizer.json, each with a comma behind it. With one the tokens [CLS] 258 and [SEP] 259
/// exist.
inline text::Tokenizer small_tokenizer(const std::string& more = "") {
  text::TokenizerDefinition definition;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    definition.vocabulary.emplace_back(text::spell_bytes(std::string(1, c)), static_cast<std::uint32_t>(byte));
  }
  definition.vocabulary.emplace_back("bc", 256);
  definition.merges = {{"b", "c"}};
  definition.added_tokens = {{257, "</s>"}};
  if (more.empty()) return text::Tokenizer::make(definition);
  definition.added_tokens.push_back({258, "[CLS]"});
  definition.added_tokens.push_back({259, "[SEP]"});
  base::Json json = base::Json::parse(text::write_tokenizer_json(definition));
  json.update(base::Json::parse("{" + more.substr(0, more.size() - 1) + "}"));
  return text::Tokenizer::parse(json.dump());
}

}  // namespace trireme::tests
