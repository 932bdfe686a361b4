#include "launcher/hub/export_texts.hpp"

#include "base/json.hpp"
#include "io/safetensors/index.hpp"
#include "io/text/tokenizer.hpp"

namespace trireme::launcher {
namespace {

using base::Json;
using From = ExportTokenizer::From;
using Texts = std::map<std::string, std::string>;

constexpr const char* kGeneration = "generation_config.json";

/// Whether the export has another tokenizer than the record.
bool is_other(const HubRecord& record, const ExportTokenizer& tokenizer) {
  return tokenizer.from == From::kText && record.text("tokenizer.json") != tokenizer.json;
}

/// Sets the beginning and the end of text; nothing else that the tokenizer before may have had remains.
void set_end_of_text(Json& config, const text::Tokenizer& tokenizer) {
  const auto end = tokenizer.end_of_text();
  for (const char* role : {"bos_token_id", "eos_token_id"}) config[role] = end ? Json(*end) : Json();
  if (config.contains("pad_token_id")) config["pad_token_id"] = nullptr;
}

Texts new_texts(const std::string& tokenizer_json, const spec::ModelConfig& model) {
  const text::Tokenizer tokenizer = text::Tokenizer::parse(tokenizer_json);
  Json settings = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                   {"model_max_length", model.sequence},
                   {"clean_up_tokenization_spaces", false}};
  Json generation = {{"_from_model_config", true}};
  if (const auto end = tokenizer.end_of_text()) {
    const std::string token(tokenizer.token(*end));
    for (const char* role : {"bos_token", "eos_token"}) settings[role] = token;
    for (const char* role : {"bos_token_id", "eos_token_id"}) generation[role] = *end;
  }
  return {{"tokenizer.json", tokenizer_json},
          {"tokenizer_config.json", settings.dump(2) + "\n"},
          {kGeneration, generation.dump(2) + "\n"}};
}

/// The record's generation_config.json with the ids of another tokenizer; nothing when there is none to change.
std::optional<std::string> generation_for(const HubRecord& record, const std::string& tokenizer_json) {
  const auto recorded = record.text(kGeneration);
  if (!recorded) return std::nullopt;
  Json generation = Json::parse(*recorded, nullptr, false);
  if (!generation.is_object()) return std::nullopt;
  set_end_of_text(generation, text::Tokenizer::parse(tokenizer_json));
  return generation.dump(2) + "\n";
}

Texts recorded_texts(const HubRecord& record, const ExportTokenizer& tokenizer, const spec::ModelConfig& model) {
  Texts texts = record.texts;
  for (const char* made : {"config.json", safetensors::kIndexName, "README.md"}) texts.erase(made);
  const bool other = is_other(record, tokenizer);
  if (!other && tokenizer.from != From::kNone) return texts;
  for (const char* text : {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
                           "vocab.json", "merges.txt", "vocab.txt", "chat_template.jinja", "chat_template.json"}) {
    texts.erase(text);
  }
  if (!other) return texts;
  if (const auto generation = generation_for(record, tokenizer.json)) {
    texts[kGeneration] = *generation;
  } else {
    texts.erase(kGeneration);
  }
  texts.merge(new_texts(tokenizer.json, model));
  return texts;
}

}  // namespace

std::string with_token_ids(const std::string& config_json, const std::optional<HubRecord>& record,
                           const ExportTokenizer& tokenizer) {
  const Json before = Json::parse(config_json);
  Json config = before;
  if (record && !is_other(*record, tokenizer)) {
    const Json recorded = Json::parse(record->text("config.json").value_or("{}"));
    for (const char* role : {"bos_token_id", "eos_token_id", "pad_token_id"}) {
      if (recorded.contains(role)) config[role] = recorded[role];
    }
  } else if (tokenizer.from == From::kText) {
    set_end_of_text(config, text::Tokenizer::parse(tokenizer.json));
  } else {
    for (const char* role : {"bos_token_id", "eos_token_id"}) config[role] = nullptr;
  }
  return config == before ? config_json : config.dump(2) + "\n";
}

Texts export_texts(const std::optional<HubRecord>& record, const ExportTokenizer& tokenizer,
                   const spec::ModelConfig& model) {
  if (record) return recorded_texts(*record, tokenizer, model);
  if (tokenizer.from == From::kText) return new_texts(tokenizer.json, model);
  return {{kGeneration, Json({{"_from_model_config", true}}).dump(2) + "\n"}};
}

}  // namespace trireme::launcher
