#include "launcher/inference/end_tokens.hpp"

#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/json.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

std::uint32_t id_of(const Json& value, const std::string& file) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  const bool fits = value.is_number_integer() && value.get<std::int64_t>() >= 0 && value.get<std::int64_t>() < kMost;
  if (!fits) throw base::InputError(file + ": eos_token_id is neither a token's id nor a list of ids: correct it");
  return static_cast<std::uint32_t>(value.get<std::int64_t>());
}

// Nothing where the file or the field is missing.
std::optional<std::set<std::uint32_t>> ids_in(const ModelTexts& texts, const std::string& file) {
  const auto text = texts.find(file);
  if (text == texts.end()) return {};
  const Json config = Json::parse(text->second, nullptr, false);
  if (!config.is_object() || !config.contains("eos_token_id") || config["eos_token_id"].is_null()) return {};
  std::set<std::uint32_t> ids;
  if (config["eos_token_id"].is_array()) {
    for (const Json& id : config["eos_token_id"]) ids.insert(id_of(id, file));
  } else {
    ids.insert(id_of(config["eos_token_id"], file));
  }
  return ids;
}

// The id of tokenizer_config.json's eos_token.
std::optional<std::uint32_t> turn_end(const ModelTexts& texts, const text::Tokenizer& tokenizer) {
  const auto text = texts.find("tokenizer_config.json");
  if (text == texts.end()) return {};
  const Json config = Json::parse(text->second, nullptr, false);
  if (!config.is_object() || !config.contains("eos_token")) return {};
  const Json& token = config["eos_token"];
  if (token.is_string()) return tokenizer.id_of(token.get<std::string>());
  if (!token.is_object() || !token.contains("content") || !token["content"].is_string()) return {};
  return tokenizer.id_of(token["content"].get<std::string>());
}

}  // namespace

std::set<std::uint32_t> end_tokens(const ModelTexts& texts, const text::Tokenizer& tokenizer, bool chat) {
  std::optional<std::set<std::uint32_t>> ids = ids_in(texts, "generation_config.json");
  if (!ids) ids = ids_in(texts, "config.json");
  std::set<std::uint32_t> ends = ids.value_or(std::set<std::uint32_t>());
  if (!ids) {
    if (const auto end = tokenizer.end_of_text()) ends.insert(*end);
  }
  if (const auto end = chat ? turn_end(texts, tokenizer) : std::nullopt) ends.insert(*end);
  return ends;
}

}  // namespace trireme::launcher
