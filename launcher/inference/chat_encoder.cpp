#include "launcher/inference/chat_encoder.hpp"

#include <algorithm>
#include <filesystem>

#include "base/error.hpp"
#include "io/tokens/dataset_format.hpp"
#include "launcher/session/model_source.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::Json;
using base::str;

bool holds_tokenizer(base::FileSystem& files, const std::filesystem::path& directory) {
  return files.exists(directory / "tokenizer.json") || files.exists(directory / "vocab.json");
}

std::size_t last_response(const Json& messages) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i]["role"] == "assistant") last = i;
  }
  return last;
}

}  // namespace

ChatModel find_chat_model(base::FileSystem& files, const std::string& path) {
  const std::filesystem::path place = path;
  const bool directory = files.is_directory(place);
  if (directory && !holds_tokenizer(files, place)) {
    const ModelSource source = find_model(files, path, {});
    if (source.tokenizer_json.empty()) {
      throw InputError(str(path, " carries no tokenizer: name the directory of the public model that it came from"));
    }
    return {text::Tokenizer::parse(source.tokenizer_json, "the tokenizer of " + path), source.texts};
  }
  ChatModel model{text::Tokenizer::load(place), {}};
  for (const char* name : {"tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
    const std::filesystem::path file = (directory ? place : place.parent_path()) / name;
    if (files.exists(file)) model.texts[name] = files.read_all(file);
  }
  return model;
}

std::size_t ChatEncoder::border(const std::vector<std::uint32_t>& ids, const std::string& beginning) const {
  const std::vector<std::uint32_t> alone = tokenizer_.encode(beginning);
  const auto differ = std::ranges::mismatch(ids, alone);
  return static_cast<std::size_t>(differ.in1 - ids.begin());
}

EncodedConversation ChatEncoder::encode(const Json& messages, std::size_t limit) const {
  const std::string whole = template_.render(messages, false, now_);
  EncodedConversation result;
  tokenizer_.encode(whole, result.ids);
  result.roles.assign(result.ids.size(), static_cast<std::uint8_t>(tokens::Role::kPrompt));
  const std::size_t last = last_response(messages);
  Json some = Json::array();  // the messages before and up to a response
  for (std::size_t i = 0; i < messages.size(); ++i) {
    if (messages[i]["role"] != "assistant") {
      some.push_back(messages[i]);
      continue;
    }
    const std::string before = template_.render(some, true, now_);
    some.push_back(messages[i]);
    const bool ends = i + 1 == messages.size();
    const std::string through = ends ? whole : template_.render(some, false, now_);
    if (!through.starts_with(before) || !whole.starts_with(through)) {
      throw InputError(str("the chat template of ", name_, " does not render the messages before or up to message ",
                           i + 1, " as the beginning of the whole conversation, so its response cannot be found: ",
                           "divide the conversation, or take a model whose template leaves earlier turns as they are"));
    }
    const std::size_t begin = border(result.ids, before), end = border(result.ids, through);
    if (begin >= limit) break;  // each turn costs as much as all turns before it
    const auto role = i == last ? tokens::Role::kLastResponse : tokens::Role::kEarlierResponse;
    for (std::size_t t = begin; t < end; ++t) result.roles[t] = static_cast<std::uint8_t>(role);
  }
  return result;
}

}  // namespace trireme::launcher
