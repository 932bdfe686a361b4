#include "launcher/hub/record.hpp"

#include <algorithm>
#include <set>

#include "base/error.hpp"
#include "base/json.hpp"
#include "io/safetensors/index.hpp"
#include "launcher/hub/base64.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::Json;
using base::str;

constexpr const char* kFormat = "trireme-hub";
constexpr std::int64_t kVersion = 1;
constexpr int kMaxNesting = 8;
/// Values of the whole text, so that a long list of nothing does not fill the memory.
constexpr std::size_t kMaxValues = std::size_t{1} << 20;

Json parse_bounded(const std::string& text) {
  std::size_t values = 0;
  return Json::parse(text, [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxNesting) throw base::Error("it is nested too deeply");
    if (++values > kMaxValues) throw base::Error("it holds too many values");
    return true;
  });
}

bool is_text_name(const std::string& name) {
  return std::ranges::find(hub_text_names(), name) != hub_text_names().end();
}

std::map<std::string, std::string> parse_texts(const Json& json) {
  std::map<std::string, std::string> texts;
  for (const auto& [name, text] : json.items()) {
    if (!is_text_name(name)) throw base::Error(str("the text '", name, "' is none that is carried along"));
    texts[name] = text.get<std::string>();
    if (texts[name].size() > kMaxHubText) throw base::Error(str("the text ", name, " is too long"));
  }
  return texts;
}

std::vector<HubShard> parse_shards(const Json& json, const std::string& file) {
  std::vector<HubShard> shards;
  std::set<std::string> names;
  std::set<std::string> tensors;
  for (const Json& entry : json) {
    HubShard& shard = shards.emplace_back();
    shard.name = entry.at("name").get<std::string>();
    shard.header_text = entry.at("header").get<std::string>();
    if (!safetensors::is_shard_name(shard.name) || !names.insert(shard.name).second) {
      throw base::Error(str("the shard '", shard.name, "' has a name that none has, or is there twice"));
    }
    const auto bytes = entry.at("bytes").get<std::uint64_t>();
    shard.header = safetensors::parse_header(shard.header_text, bytes, str(file, ": ", shard.name));
    for (const auto& tensor : shard.header.tensors) {
      if (!tensors.insert(tensor.name).second) throw base::Error(str("tensor ", tensor.name, " is in two shards"));
    }
  }
  if (shards.empty()) throw base::Error("it names no shard");
  return shards;
}

std::map<std::string, KeptTensor> parse_kept(const Json& json, const std::vector<HubShard>& shards) {
  std::map<std::string, std::uint64_t> lengths;
  for (const HubShard& shard : shards) {
    for (const auto& tensor : shard.header.tensors) lengths[tensor.name] = tensor.bytes();
  }
  std::map<std::string, KeptTensor> kept;
  std::uint64_t total = 0;
  for (const auto& [name, entry] : json.items()) {
    KeptTensor tensor{entry.at("bytes").get<std::uint64_t>(), from_base64(entry.at("zstd").get<std::string>())};
    const auto length = lengths.find(name);
    if (length == lengths.end() || length->second != tensor.bytes) {
      throw base::Error(str("the kept tensor ", name, " is not one of the shards"));
    }
    if (tensor.bytes > kMaxKept - total) throw base::Error("the kept tensors are too large");
    total += tensor.bytes;
    kept.emplace(name, std::move(tensor));
  }
  return kept;
}

}  // namespace

const std::vector<std::string>& hub_text_names() {
  static const std::vector<std::string> names = {"config.json",
                                                 "generation_config.json",
                                                 safetensors::kIndexName,
                                                 "tokenizer.json",
                                                 "tokenizer_config.json",
                                                 "special_tokens_map.json",
                                                 "added_tokens.json",
                                                 "vocab.json",
                                                 "merges.txt",
                                                 "vocab.txt",
                                                 "chat_template.jinja",
                                                 "chat_template.json",
                                                 "README.md",
                                                 "LICENSE",
                                                 "LICENSE.md",
                                                 "LICENSE.txt",
                                                 "NOTICE",
                                                 "USE_POLICY.md",
                                                 "modules.json",
                                                 "sentence_bert_config.json",
                                                 "config_sentence_transformers.json",
                                                 "1_Pooling/config.json"};
  return names;
}

std::optional<std::string> HubRecord::text(const std::string& file) const {
  const auto found = texts.find(file);
  return found == texts.end() ? std::nullopt : std::optional(found->second);
}

std::string to_text(const HubRecord& record) {
  Json json = {{"format", kFormat}, {"version", kVersion}, {"name", record.name}};
  json["texts"] = Json::object();
  for (const auto& [name, text] : record.texts) json["texts"][name] = text;
  json["shards"] = Json::array();
  for (const HubShard& shard : record.shards) {
    json["shards"].push_back(
        {{"name", shard.name}, {"bytes", shard.header.data_bytes()}, {"header", shard.header_text}});
  }
  json["kept"] = Json::object();
  for (const auto& [name, tensor] : record.kept) {
    json["kept"][name] = {{"bytes", tensor.bytes}, {"zstd", to_base64(tensor.packed)}};
  }
  std::string text = json.dump(1, ' ', false, Json::error_handler_t::strict);
  if (text.size() <= kMaxHubJson) return text + "\n";
  throw InputError(str("HUB.json would have ", text.size(), " bytes, more than ", kMaxHubJson));
}

HubRecord parse_hub_record(const std::string& text, const std::string& file) {
  try {
    if (text.size() > kMaxHubJson) throw base::Error("it is too long");
    const Json json = parse_bounded(text);
    if (json.at("format").get<std::string>() != kFormat) throw base::Error("it is of another program");
    if (base::whole_number(json.at("version")) != kVersion) throw base::Error("it is of a later Trireme");
    HubRecord record;
    record.name = json.at("name").get<std::string>();
    record.texts = parse_texts(json.at("texts"));
    record.shards = parse_shards(json.at("shards"), file);
    record.kept = parse_kept(json.at("kept"), record.shards);
    return record;
  } catch (const InputError&) {
    throw;
  } catch (const std::exception& error) {  // nlohmann's errors and ours
    throw InputError(str(file, " cannot be read: ", error.what()));
  }
}

}  // namespace trireme::launcher
