// The texts beside the weights of an exported model: tokenizer, generation defaults.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "launcher/hub/record.hpp"
#include "models/spec/config.hpp"

namespace trireme::launcher {

/// All but config.json, the index and README.md, which are made otherwise. With a record they are its texts; a
/// `tokenizer_json` that is another than the record's replaces it, and the files of older formats beside it are left
/// out. Without a record: tokenizer.json, if there is one, with a tokenizer_config.json that AutoTokenizer reads, and a
/// generation_config.json.
std::map<std::string, std::string> export_texts(const std::optional<HubRecord>& record,
                                                const std::optional<std::string>& tokenizer_json,
                                                const spec::ModelConfig& model);

/// config.json of a model without a record, with the ids of its tokenizer's tokens for the beginning and end of text,
/// or null: transformers would take another model's.
std::string with_token_ids(const std::string& config_json, const std::optional<std::string>& tokenizer_json);

}  // namespace trireme::launcher
