// The texts beside the weights of an exported model: tokenizer, generation defaults.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "launcher/hub/record.hpp"
#include "models/spec/config.hpp"

namespace trireme::launcher {

/// Which tokenizer an exported model gets.
struct ExportTokenizer {
  enum class From {
    kRecord,  ///< the record's; none without a record
    kNone,    ///< none, whatever the record has
    kText,    ///< `json`
  };
  From from = From::kRecord;
  std::string json;  ///< a tokenizer.json; for kText alone
};

/// All but config.json, the index and README.md, which are made otherwise. With a record they are its texts. A
/// tokenizer.json that is another than the record's takes the place of all that the record says of its tokenizer, chat
/// template and ids in generation_config.json included; kNone leaves out the tokenizer and the chat template. Without a
/// record: tokenizer.json, if there is one, with a tokenizer_config.json that AutoTokenizer reads, and a
/// generation_config.json.
std::map<std::string, std::string> export_texts(const std::optional<HubRecord>& record,
                                                const ExportTokenizer& tokenizer, const spec::ModelConfig& model);

/// config.json with the ids of the special tokens that belong to the tokenizer: the record's while its tokenizer stays;
/// else those of the tokenizer's end of text, or null (transformers would take another model's). Returns the same bytes
/// when they are there already.
std::string with_token_ids(const std::string& config_json, const std::optional<HubRecord>& record,
                           const ExportTokenizer& tokenizer);

}  // namespace trireme::launcher
