// Answers questions about tokenizers for tokenizer_families_test.py, so that one process serves all its tests: a JSON
// object a line in, a JSON value a line out.
//   {"load": TEXT OF A TOKENIZER.JSON}          {"vocabulary": N, "wrapping": …, …} or {"error": MESSAGE}
//   {"encode": [TEXT, …]}                       [[ID, …], …]
//   {"decode": [[ID, …], …], "skip": BOOL}      [TEXT, …]
//   {"stream": [[ID, …], …], "skip": BOOL}      [[TEXT OF EACH PUSH, …, TEXT OF finish()], …]
//   {"cut": [TEXT, …]}                          {"cuts": N, "wrong": [[TEXT, PLACE], …]}
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "io/text/text_stream.hpp"
#include "io/text/tokenizer.hpp"
#include "io/tokens/text_cut.hpp"

namespace {

using trireme::text::TextPlace;
using trireme::text::TextStream;
using trireme::text::Tokenizer;
using Json = nlohmann::json;
using Ids = std::vector<std::uint32_t>;

Json optional_id(std::optional<std::uint32_t> id) { return id ? Json(*id) : Json(); }

Json describe(const Tokenizer& tokenizer) {
  const auto& wrapping = tokenizer.wrapping();
  std::vector<int> special, continues;
  for (std::uint32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.is_special(id)) special.push_back(static_cast<int>(id));
    if (tokenizer.continues_word(id)) continues.push_back(static_cast<int>(id));
  }
  return {{"vocabulary", tokenizer.vocabulary_size()},
          {"wrapping", {wrapping.before, wrapping.after, wrapping.between, wrapping.pair_after, wrapping.pair_before}},
          {"special", special},
          {"continues", continues},
          {"end", optional_id(tokenizer.end_of_text())},
          {"mask", optional_id(tokenizer.mask_token())},
          {"pad", optional_id(tokenizer.pad_token())},
          {"unknown", optional_id(tokenizer.unknown_token())}};
}

Json streamed(const Tokenizer& tokenizer, const Ids& ids, bool skip) {
  TextStream stream(tokenizer, skip);
  Json parts = Json::array();
  for (const std::uint32_t id : ids) parts.push_back(stream.push(id));
  parts.push_back(stream.finish());
  return parts;
}

/// Cuts each text at every place that the rule allows, and compares.
Json cut(const Tokenizer& tokenizer, const std::vector<std::string>& texts) {
  const auto rule = trireme::tokens::text_cut(tokenizer.definition());
  std::size_t cuts = 0;
  Json wrong = Json::array();
  for (const std::string& text : texts) {
    if (!rule || text.empty()) continue;
    const Ids whole = tokenizer.encode(text);
    for (std::size_t at = rule(text); at > 0; at = rule(std::string_view(text).substr(0, at))) {
      Ids parts;
      tokenizer.encode(std::string_view(text).substr(0, at), parts);
      tokenizer.encode(std::string_view(text).substr(at), parts, TextPlace::kContinuation);
      if (parts != whole) wrong.push_back({text, at});
      ++cuts;
    }
  }
  return {{"cuts", cuts}, {"wrong", wrong}};
}

Json answer(const Json& question, std::optional<Tokenizer>& tokenizer) {
  const bool skip = question.value("skip", false);
  if (question.contains("load")) {
    tokenizer = Tokenizer::parse(question.at("load"));
    return describe(*tokenizer);
  }
  if (question.contains("cut")) return cut(tokenizer.value(), question.at("cut"));
  Json answers = Json::array();
  if (question.contains("encode")) {
    for (const auto& text : question.at("encode")) answers.push_back(tokenizer.value().encode(text.get<std::string>()));
  } else if (question.contains("decode")) {
    for (const Ids ids : question.at("decode")) answers.push_back(tokenizer.value().decode(ids, skip));
  } else {
    for (const Ids ids : question.at("stream")) answers.push_back(streamed(tokenizer.value(), ids, skip));
  }
  return answers;
}

}  // namespace

int main() {
  std::optional<Tokenizer> tokenizer;
  std::string line;
  while (std::getline(std::cin, line)) {
    Json reply;
    try {
      reply = answer(Json::parse(line), tokenizer);
    } catch (const trireme::base::InputError& error) {
      reply = {{"error", error.what()}};
    }
    std::cout << reply.dump() << std::endl;
  }
  return 0;
}
