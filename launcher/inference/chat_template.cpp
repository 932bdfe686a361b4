#include "launcher/inference/chat_template.hpp"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace trireme::launcher {
namespace {

using base::InputError;
using base::Json;
using base::str;

constexpr const char* kConfig = "tokenizer_config.json";
constexpr int kDeepest = 64;                // lists and objects inside each other
constexpr std::size_t kMostMembers = 1000;  // of one object: a lookup compares with all of them

// A JSON object among the texts; an empty one where the file is missing.
Json object_in(const ModelTexts& texts, const std::string& file, const std::string& model) {
  const auto text = texts.find(file);
  if (text == texts.end()) return Json::object();
  Json parsed = Json::parse(text->second, nullptr, false);
  if (!parsed.is_object())
    throw InputError(str(model, ": its ", file, " is no JSON object: export or download it again"));
  return parsed;
}

std::optional<std::string> template_in(const Json& config, const std::string& model) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return {};
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array()) {
    for (const Json& named : *found) {
      const bool whole = named.is_object() && named.contains("name") && named.contains("template");
      if (whole && named["name"] == "default" && named["template"].is_string()) {
        return named["template"].get<std::string>();
      }
    }
    throw InputError(str(model,
                         " has several chat templates and none is named default: write the one to use into "
                         "chat_template.jinja of its directory"));
  }
  throw InputError(str(model, ": chat_template in ", kConfig, " is neither a text nor a list of templates"));
}

// A token as a text, or as the object of an added token.
std::optional<std::string> token_text(const Json& token) {
  if (token.is_string()) return token.get<std::string>();
  if (token.is_object() && token.contains("content") && token["content"].is_string()) {
    return token["content"].get<std::string>();
  }
  return {};
}

// transformers reads special_tokens_map.json only where the config does not list added tokens.
Json special_tokens(const Json& config, const Json& legacy) {
  static constexpr std::array kNames = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
  Json tokens = Json::object();
  for (const char* name : kNames) {
    const bool from_legacy = !config.contains("added_tokens_decoder") && legacy.contains(name);
    const Json& holder = from_legacy ? legacy : config;
    if (!holder.contains(name)) continue;
    if (const auto text = token_text(holder[name])) tokens[name] = *text;
  }
  return tokens;
}

// apply_chat_template makes these changes to a message before the template sees it.
Json prepared(const Json& given) {
  Json kept = Json::object();
  for (auto it = given.begin(); it != given.end(); ++it) {
    if (!it.value().is_null()) kept[it.key()] = it.value();
  }
  const auto names = {"reasoning_content", "thinking", "reasoning"};
  for (const char* name : names) {
    if (!kept.contains(name)) continue;
    const Json reasoning = kept[name];
    Json result = Json::object();
    result["thinking"] = reasoning;  // in front, unless it is there
    for (auto it = kept.begin(); it != kept.end(); ++it) result[it.key()] = it.value();
    result["reasoning_content"] = reasoning;
    return result;
  }
  return kept;
}

}  // namespace

ChatTemplate ChatTemplate::find(const ModelTexts& texts, const std::string& model) {
  const Json config = object_in(texts, kConfig, model);
  const Json legacy = object_in(texts, "special_tokens_map.json", model);
  std::optional<std::string> source;
  std::string name = "chat_template.jinja";
  if (const auto file = texts.find(name); file != texts.end()) {
    source = file->second;
  } else {
    source = template_in(config, model);
    name = str("chat_template of ", kConfig);
  }
  if (!source) {
    throw InputError(str(model,
                         " has no chat template: give it plain prompts with trireme generate, take a model that "
                         "was trained on conversations, or put a chat_template.jinja into its Hugging Face directory"));
  }
  return {jinja::Template::parse(*source, name), special_tokens(config, legacy)};
}

std::string ChatTemplate::render(const Json& messages, bool answer, std::time_t now) const {
  Json variables = {{"tools", nullptr}, {"documents", nullptr}, {"add_generation_prompt", answer}};
  variables.update(tokens_);
  Json& list = variables["messages"] = Json::array();
  for (const Json& given : messages) list.push_back(prepared(given));
  return template_.render(variables, now);
}

Json parse_messages(const std::string& json) {
  std::vector<std::size_t> members;
  const auto count = [&](int depth, Json::parse_event_t event, const Json&) {
    if (depth > kDeepest) throw InputError(str("the messages are nested more than ", kDeepest, " deep"));
    if (event == Json::parse_event_t::object_start) members.push_back(0);
    if (event == Json::parse_event_t::object_end) members.pop_back();
    if (event == Json::parse_event_t::key && ++members.back() > kMostMembers) {
      throw InputError(str("an object in the messages has more than ", kMostMembers, " members"));
    }
    return true;
  };
  Json messages;
  try {
    messages = Json::parse(json, count);
  } catch (const Json::exception& error) {
    throw InputError(str("the messages are no JSON: ", error.what()));
  }
  if (!messages.is_array() || messages.empty()) {
    throw InputError(
        "the messages are not a list of at least one message, such as [{\"role\": \"user\", \"content\": …}]");
  }
  for (const Json& one : messages) {
    if (!one.is_object()) throw InputError("one of the messages is no object with \"role\" and \"content\"");
  }
  return messages;
}

Json message(const std::string& role, const std::string& content) { return {{"role", role}, {"content", content}}; }

}  // namespace trireme::launcher
