#include "launcher/hub/export_texts.hpp"

#include "base/json.hpp"
#include "io/safetensors/index.hpp"
#include "io/text/tokenizer.hpp"

namespace trireme::launcher {
namespace {

using base::Json;

std::map<std::string, std::string> recorded_texts(const HubRecord& record,
                                                  const std::optional<std::string>& tokenizer_json) {
  std::map<std::string, std::string> texts = record.texts;
  for (const char* made : {"config.json", safetensors::kIndexName, "README.md"}) texts.erase(made);
  if (!tokenizer_json || record.text("tokenizer.json") == tokenizer_json) return texts;
  for (const char* older : {"vocab.json", "merges.txt", "vocab.txt", "added_tokens.json"}) texts.erase(older);
  texts["tokenizer.json"] = *tokenizer_json;
  return texts;
}

std::map<std::string, std::string> new_texts(const std::string& tokenizer_json, const spec::ModelConfig& model) {
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
          {"generation_config.json", generation.dump(2) + "\n"}};
}

}  // namespace

std::string with_token_ids(const std::string& config_json, const std::optional<std::string>& tokenizer_json) {
  Json config = Json::parse(config_json);
  Json id;  // null
  if (tokenizer_json) {
    if (const auto end = text::Tokenizer::parse(*tokenizer_json).end_of_text()) id = *end;
  }
  for (const char* role : {"bos_token_id", "eos_token_id"}) config[role] = id;
  return config.dump(2) + "\n";
}

std::map<std::string, std::string> export_texts(const std::optional<HubRecord>& record,
                                                const std::optional<std::string>& tokenizer_json,
                                                const spec::ModelConfig& model) {
  if (record) return recorded_texts(*record, tokenizer_json);
  if (tokenizer_json) return new_texts(*tokenizer_json, model);
  return {{"generation_config.json", Json({{"_from_model_config", true}}).dump(2) + "\n"}};
}

}  // namespace trireme::launcher
